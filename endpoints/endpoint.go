package endpoints

import "strings"

// sharedNames are the signing names that sharedNames services with endpoints of their own share, so
// that a scope does not determine the endpoint. s3 is not among them: its other endpoints are told
// apart by the request.
const sharedNames = " appconfig aws-marketplace bedrock bedrock-agentcore cassandra chime cloudhsm cloudsearch connect dynamodb " +
	"execute-api forecast ivs lex mediastore mgh payment-cryptography personalize sagemaker servicecatalog ses signer sms-voice timestream "

// namedEndpoints are the endpoints, by signing name, that do not consist of the signing name and
// the region: the prefix that replaces the signing name or, with a dot at its end, the whole host
// of a service that signs in one region.
var namedEndpoints = map[string]string{
	"IoTSecuredTunneling": "api.tunneling.iot", "appstream": "appstream2", "awsssoportal": "portal.sso", "detective": "api.detective",
	"ecr": "api.ecr", "ecr-public": "api.ecr-public", "iot-jobs-data": "data.jobs.iot", "iotdata": "data-ats.iot",
	"iotdeviceadvisor": "api.iotdeviceadvisor", "ioteventsdata": "data.iotevents", "iotmanagedintegrations": "api.iotmanagedintegrations",
	"iotwireless": "api.iotwireless", "mediatailor": "api.mediatailor", "memorydb": "memory-db", "mobiletargeting": "pinpoint",
	"pricing": "api.pricing", "qapps": "data.qapps", "sso-oauth": "oidc", "wickr": "admin.wickr",

	"budgets": "budgets.amazonaws.com.", "cloudfront": "cloudfront.amazonaws.com.", "health": "global.health.amazonaws.com.",
	"iam": "iam.amazonaws.com.", "route53": "route53.amazonaws.com.",
	"savingsplans": "savingsplans.amazonaws.com.", "waf": "waf.amazonaws.com.",
}

// onlyDualStack are the services whose endpoints all end in api.aws.
const onlyDualStack = " datazone eks-auth gameliftstreams internetmonitor kendra-ranking notifications notifications-contacts qbusiness "

// Endpoint returns the host of the service that signs with a scope, as the AWS SDKs determine it
// for the region, and false if the scope does not determine it.
func Endpoint(service, region string) (string, bool) {
	if !IsService(service) || strings.Contains(sharedNames, " "+service+" ") {
		return "", false
	}
	prefix := service
	if name := namedEndpoints[service]; name != "" {
		prefix = name
	}
	suffixes := []string{
		"amazonaws.com", "amazonaws.com.cn", "c2s.ic.gov", "sc2s.sgov.gov", "cloud.adc-e.uk", "csp.hci.ic.gov", "amazonaws.eu",
	}
	if strings.Contains(onlyDualStack, " "+service+" ") {
		suffixes = []string{"api.aws", "api.amazonwebservices.com.cn"}
	}
	for _, suffix := range suffixes {
		host, whole := strings.CutSuffix(prefix, ".")
		if !whole {
			host = prefix + "." + region + "." + suffix
		}
		if s, err := Infer(host, "/"); err == nil && s.Service == service && s.Region == region && s.Partition == PartitionOf(region) {
			return host, true
		}
	}
	return "", false
}
