// Countersign signs HTTP requests for AWS on behalf of tools that cannot.
//
//	countersign serve          the service
//	countersign sandbox        the service beside a local AWS emulator, to try it out
//	countersign send           sign one request, given as for curl, send it and print the response
//	countersign sign           sign one request; also presign, verify, whoami
//	countersign proxy          a proxy on this machine that signs what passes through it
//	countersign diagnose       why AWS refused a request, and what to do
//	countersign scope          print service and region of hosts
//	countersign config         the configuration in effect, and the JSON Schema of its file
//	countersign key new ID     a key for a caller
//	countersign policy         show, test and explain what callers may have signed
//	countersign connector      the files of the Power Platform connector
//	countersign healthcheck    is the service on this machine ready?
//	countersign version
//
// # Running the service
//
// Settings come from the environment (COUNTERSIGN_…), one optional YAML file (COUNTERSIGN_CONFIG or --config) and flags; each has one
// name in three spellings: allow_signing_time, COUNTERSIGN_ALLOW_SIGNING_TIME, --allow-signing-time. The keys of the source
// environment are read from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, the region from AWS_REGION.
// "countersign serve --check" reads and checks it all and exits; "countersign config print" shows each value and where it
// comes from.
//
// It listens on FUNCTIONS_CUSTOMHANDLER_PORT, on 127.0.0.1 alone, under Azure Functions; else on PORT, else on 8080.
//
// /readyz responds 503 while audit records cannot be written, or while no profile has a session or can reach a source of one. It
// notices by itself when that is over.
//
// SIGTERM: /readyz responds 503, and for shutdown_delay requests are still accepted, each response ending its connection, so that load
// balancers send elsewhere; then requests under way get drain_seconds to end, and the process exits with 0. SIGINT skips
// shutdown_delay. A second one of either ends the process at once, with 1. Nothing has to be saved, so SIGKILL loses no more than the
// requests under way.
//
// SIGHUP, or a changed file: the configuration is read again, checked whole, and takes effect at once. One with a fault is logged, and
// the one before stays in force.
//
// # Logs
//
// JSON lines on stdout, one for each request: time, level, request_id, method, route, status, bytes, dur_ms, user_agent, and as far as
// they are known caller, profile, service, region, err_code, cause, detail (what AWS or the network said) and hint. No header, query,
// body or secret is ever in them.
//
// # Exit codes
//
// 0 done, 1 something failed, 2 the command line or the configuration is wrong. A listener that fails exits with 1, never 0: the
// Azure Functions host restarts what exits with an error, and only that.
package main

import (
	_ "embed"
	"os"

	"countersign/cli"
)

//go:embed openapi.yaml
var contract []byte

func main() { os.Exit(cli.Main(contract)) }
