package access_test

import (
	"fmt"
	"strings"

	"countersign/access"
)

// s3Rows are the S3 requests that turn a request for an object in the inbox into something else.
func s3Rows() []row {
	object := func(query string) access.Request { return to("GET", files+"/inbox/a"+query) }
	copying := func(source string, more ...string) access.Question {
		return ask(
			"archiver", access.ActionSign,
			to("PUT", "https://archive.s3.eu-west-1.amazonaws.com/2026/a", append([]string{"x-amz-copy-source", source}, more...)...),
		)
	}
	list := func(query string) access.Question { return inbox(to("GET", files+"/?"+query)) }
	rows := []row{
		allow("inbox", "read", inbox(object(""))),
		allow(
			"inbox", "write",
			inbox(to("PUT", files+"/inbox/a", "x-amz-meta-flow", "7", "x-amz-storage-class", "STANDARD", "x-amz-checksum-crc32", "x")),
		),
		allow("inbox", "key with a slash encoded", inbox(but(object(""), func(r *access.Request) { r.Path = "/inbox%2Fa" }))),
		allow("inbox", "key with an empty segment", inbox(but(object(""), func(r *access.Request) { r.Path = "/inbox//a" }))),
		allow("inbox", "response headers", inbox(object("?response-content-type=text/plain&x-id=GetObject"))),
		allow(
			"inbox", "upload form",
			ask(
				"files", access.ActionPostPolicy,
				but(
					to("POST", files+"/inbox/", "key", "inbox/", "Content-Type", "text/plain"),
					func(r *access.Request) { r.Payload = access.PayloadUnsigned },
				),
			),
		),
		allow("listing", "list of the inbox", list("list-type=2&prefix=inbox%2F2026")),
		allow("archive", "copy from the inbox", copying("/files/inbox/a")),
		deny("copy from elsewhere", copying("/secrets/a")),
		deny("copy from two places", copying("/secrets/a", "x-amz-copy-source", "/files/inbox/a")),
		deny(
			"copy to a part",
			ask(
				"archiver", access.ActionSign,
				to("PUT", "https://archive.s3.eu-west-1.amazonaws.com/a?uploadId=1&partNumber=1", "x-amz-copy-source", "/files/inbox/a"),
			),
		),
		forbidden("s3-side-doors", "copy with an access list", copying("/files/inbox/a", "x-amz-acl", "public-read")),
		deny(
			"write without a source by the archiver",
			ask("archiver", access.ActionSign, to("PUT", "https://archive.s3.eu-west-1.amazonaws.com/2026/a")),
		),
		deny("list of all", list("list-type=2")),
		deny("list of another folder", list("list-type=2&prefix=private%2F")),
		deny("list of two folders", list("list-type=2&prefix=inbox%2F&prefix=private%2F")),
		deny("list of a folder in two cases", list("list-type=2&prefix=inbox%2F&Prefix=private%2F")),
		deny("list with another spelling", list("list-type=2&PREFIX=inbox%2F")),
		deny("list of version 1", list("prefix=inbox%2F")),
		deny("list with two types", list("list-type=2&list-type=1&prefix=inbox%2F")),
		deny("bucket, path style", inbox(to("GET", "https://s3.eu-west-1.amazonaws.com/files/inbox/a"))),
		deny("another bucket", inbox(to("GET", "https://files2.s3.eu-west-1.amazonaws.com/inbox/a"))),
		deny("another key", inbox(to("GET", files+"/private/a"))),
		deny("form for another key", ask("files", access.ActionPostPolicy, to("POST", files+"/private/"))),
		deny("a header that only S3's forms have, in a form for others", ask("crm-sync", access.ActionPostPolicy, to("POST", files+"/inbox/"))),
		deny("delete by HTTP", inbox(to("DELETE", files+"/inbox/a"))),
	}
	for _, sub := range []string{
		"acl", "policy", "cors", "website", "lifecycle", "replication", "notification", "logging", "tagging", "versioning", "encryption",
		"object-lock",
		"legal-hold", "retention", "publicAccessBlock", "ownershipControls", "accelerate", "requestPayment", "inventory", "analytics", "metrics",
		"intelligent-tiering", "restore", "torrent", "delete", "policyStatus", "versions", "attributes", "select", "session", "renameObject",
		"metadataTable", "abac",
	} {
		for _, method := range []string{"GET", "PUT"} {
			for _, query := range []string{
				"?" + sub, "?" + sub + "=", "?" + sub + "=x", "?x-id=GetObject&" + sub, "?" + sub + "&" + sub,
				"?%" + fmt.Sprintf("%02x", sub[0]) + sub[1:],
			} {
				rows = append(rows, deny(method+" "+query, inbox(to(method, files+"/inbox/a"+query))))
			}
			rows = append(rows, forbidden("s3-side-doors", "an operator, "+method+" ?"+sub, admin(to(method, files+"/inbox/a?"+sub))))
		}
	}
	for _, query := range []string{"?ACL", "?Acl", "?acl%20", "?unknown", "?x-amz-acl=public-read", "?x-amz-tagging=a", "?X-Amz-Meta=1"} {
		rows = append(rows, deny("GET "+query, inbox(object(query))))
		rows = append(rows, forbidden("s3-side-doors", "an operator, GET "+query, admin(object(query))))
	}
	for _, header := range []string{
		"x-amz-acl", "x-amz-grant-read", "x-amz-grant-write", "x-amz-grant-full-control", "x-amz-grant-read-acp", "x-amz-grant-write-acp",
		"x-amz-website-redirect-location", "x-amz-tagging", "x-amz-tagging-directive", "x-amz-metadata-directive", "x-amz-object-lock-mode",
		"x-amz-object-lock-retain-until-date", "x-amz-object-lock-legal-hold", "x-amz-bypass-governance-retention", "x-amz-mfa",
		"x-amz-rename-source",
		"x-amz-server-side-encryption-customer-algorithm", "x-amz-server-side-encryption-customer-key",
		"x-amz-server-side-encryption-aws-kms-key-id",
		"x-amz-copy-source-range", "x-amz-copy-source-if-match", "x-amz-object-ownership", "x-amz-something-new",
	} {
		for _, name := range []string{header, strings.ToUpper(header)} {
			rows = append(rows, forbidden("s3-side-doors", "PUT with "+name, inbox(to("PUT", files+"/inbox/a", name, "x"))))
			rows = append(rows, forbidden("s3-side-doors", "an operator's PUT with "+name, admin(to("PUT", files+"/inbox/a", name, "x"))))
		}
	}
	rows = append(rows, deny("PUT with a source", inbox(to("PUT", files+"/inbox/a", "x-amz-copy-source", "/secrets/a"))),
		deny("GET with a source", inbox(to("GET", files+"/inbox/a", "X-Amz-Copy-Source", "/secrets/a"))))
	for _, field := range []string{
		"acl", "tagging", "redirect", "success_action_redirect", "x-amz-website-redirect-location", "x-amz-tagging", "file",
	} {
		rows = append(
			rows,
			forbidden("s3-side-doors", "form with "+field, ask("files", access.ActionPostPolicy, to("POST", files+"/inbox/", field, "x"))),
		)
	}
	for _, path := range []string{
		"/inbox/../private/a", "/inbox/%2e%2e/private/a", "/inbox/.", "/inbox%2F..%2Fprivate", "/Inbox/a", "/%2Finbox/a",
		"/inbox/%00", "/inbox/%ff",
	} {
		rows = append(rows, deny("key "+path, inbox(but(object(""), func(r *access.Request) { r.Path = path }))))
	}
	return rows
}

// loginRows ask for services whose signature is a login, for callers without a policy that names them.
func loginRows() []row {
	identity := func(more ...string) access.Request {
		return to("GET", token+"?Action=GetCallerIdentity&Version=2011-06-15", more...)
	}
	login := func(r access.Request) access.Question { return ask("deployer", access.ActionPresign, r) }
	rows := []row{
		allow("cluster-login", "login to the cluster that is named", login(identity("x-k8s-aws-id", "prod"))),
		deny("login to another cluster", login(identity("x-k8s-aws-id", "test"))),
		deny("login to two clusters", login(identity("x-k8s-aws-id", "prod", "X-K8s-Aws-Id", "test"))),
		deny("login to none", login(identity())),
		deny("login by another action", ask("deployer", access.ActionSign, identity("x-k8s-aws-id", "prod"))),
		forbidden(
			"caller-identity-headers", "login that Vault takes too",
			login(identity("x-k8s-aws-id", "prod", "X-Vault-AWS-IAM-Server-ID", "vault")),
		),
		forbidden("caller-identity-headers", "login that others take too", login(identity("x-k8s-aws-id", "prod", "Chainguard-Audience", "x"))),
		forbidden("caller-identity-headers", "login with a header of x-amz", login(identity("x-k8s-aws-id", "prod", "x-amz-other", "x"))),
		deny("AssumeRole in place of GetCallerIdentity", login(to("GET", token+"?Action=AssumeRole&RoleArn=x", "x-k8s-aws-id", "prod"))),
		deny("GetFederationToken", login(to("GET", token+"?Action=GetFederationToken", "x-k8s-aws-id", "prod"))),
		deny("two actions", login(to("GET", token+"?Action=GetCallerIdentity&Action=AssumeRole", "x-k8s-aws-id", "prod"))),
		deny("action twice in two cases", login(to("GET", token+"?Action=GetCallerIdentity&action=AssumeRole", "x-k8s-aws-id", "prod"))),
		deny(
			"action in the body too",
			login(but(identity("x-k8s-aws-id", "prod", "body", "Action=AssumeRole"), func(r *access.Request) { r.Method = "POST" })),
		),
		forbidden("login-services", "an operator's AssumeRole", admin(to("POST", token, "body", "Action=AssumeRole"))),
	}
	for _, service := range loginServices() {
		r := to("GET", "https://"+service+".eu-west-1.amazonaws.com/")
		for _, action := range []access.Action{access.ActionSign, access.ActionPresign, access.ActionVerify} {
			q := admin(r)
			q.Action = action
			rows = append(rows, forbidden("login-services", fmt.Sprintf("an operator, %s %s", action, service), q))
		}
		rows = append(rows, deny("crm-sync, "+service, crm(r)))
		for _, spelled := range []string{
			strings.ToUpper(service), strings.ToUpper(service[:1]) + service[1:], service + " ", " " + service, service + "\x00",
			service + ".", service + "/", "/" + service,
		} {
			rows = append(
				rows,
				deny(fmt.Sprintf("an operator, service %q", spelled), admin(but(r, func(r *access.Request) { r.Service = spelled }))),
			)
		}
	}
	return rows
}

func loginServices() []string {
	return []string{
		"account", "cassandra", "dsql", "ec2-instance-connect", "eks-auth", "elasticache", "iam", "identitystore", "iotdevicegateway",
		"kafka-cluster", "memorydb",
		"organizations", "rds-db", "rolesanywhere", "signin", "ssmmessages", "sso", "sso-directory", "sso-oauth", "sts",
	}
}
