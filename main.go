// Countersign signs HTTP requests for AWS on behalf of tools that cannot.
//
//	countersign serve          run the service
//	countersign sandbox        run the service with a local AWS emulator, to try it out
//	countersign send           sign one request, given as for curl, send it and print the response
//	countersign sign           sign one request; see also presign, verify and whoami
//	countersign proxy          sign the requests of other programs on this machine and forward them
//	countersign diagnose       say why AWS refused a request, and what to do
//	countersign scope          print the service and region of hosts
//	countersign config         print the configuration in effect, or the JSON Schema of its file
//	countersign key new NAME   make a key for a caller
//	countersign policy         show, test and explain the policies
//	countersign connector      write the files of the Power Platform connector
//	countersign healthcheck    check whether the service on this machine is ready
//	countersign version        print the version
//
// # Running the service
//
// Settings come from the environment (COUNTERSIGN_…), from one optional YAML file (COUNTERSIGN_CONFIG or --config)
// and from flags. Each has one name in three spellings: allow_signing_time, COUNTERSIGN_ALLOW_SIGNING_TIME,
// --allow-signing-time. The keys of profiles with the source environment are read from AWS_ACCESS_KEY_ID,
// AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and the region from AWS_REGION. "countersign serve --check" reads and
// checks all of this and exits; "countersign config print" shows each value and where it comes from.
//
// Under Azure Functions the service listens on FUNCTIONS_CUSTOMHANDLER_PORT, only on 127.0.0.1; otherwise on PORT, or
// 8080.
//
// /readyz responds with 503 while audit records cannot be written, or while no profile has a session or can reach a
// source of one. It recovers by itself.
//
// On SIGTERM, /readyz responds with 503. For shutdown_delay, requests are still accepted, but each response closes
// its connection, so that load balancers send requests elsewhere. Then requests in progress have drain_seconds to
// finish, and the process exits with 0. SIGINT skips shutdown_delay. A second signal of either kind ends the process
// at once, with 1. The service has nothing to save, so SIGKILL loses only the requests in progress.
//
// On SIGHUP, or when a file changes, the configuration is read again, checked as a whole, and takes effect at once.
// If it has a fault, the fault is logged and the previous configuration stays in force.
//
// # Logs
//
// Logs are JSON lines on stdout, one for each request: time, level, request_id, method, route, status, bytes, dur_ms,
// user_agent and, if known, caller, profile, service, region, err_code, cause, detail (what AWS or the network said)
// and hint. They never contain a header, query, body or secret.
//
// # Exit codes
//
// 0: success. 1: something failed. 2: the command line or the configuration is wrong. If the listener fails, the exit
// code is 1, never 0: the Azure Functions host restarts only what exits with an error.
package main

import (
	_ "embed"
	"os"

	"countersign/cli"
)

//go:embed openapi.yaml
var contract []byte

func main() { os.Exit(cli.Main(contract)) }
