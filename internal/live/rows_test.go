// Package live_test sends requests to AWS itself through the real service (make live): each row of the status table in
// docs/errors.md that reading can produce, and what docs/unchecked.md lists that needs no designer and no engine.
//
// It changes nothing. The keys need s3:GetObject on the public bucket noaa-ghcn-pds for three of the rows, which are
// skipped without it, and no other permission. Not produced are throttling, failures of AWS, and what AWS leaves without
// a response (504 aws_timeout, 424 outcome_unknown), for which an account needs resources that are slow or overloaded;
// a response that breaks off; and a function that fails, for which docs/unchecked.md has a recipe.
//
// In the usual tests a stand-in responds in place of AWS, so that the rows are known to run.
package live_test

import (
	"net/http"
	"strings"
	"time"
)

// row is one request, and the response that it must get.
type row struct {
	name, request string
	late          time.Duration // how far the clock is behind
	limit         int64         // of the response's bytes, if not the usual one
	permission    string        // without which AWS denies the request, and the row shows nothing
	status        int           // of our response
	code          string        // of the problem document, or empty
	answered      int           // AWS's status, or 0 if AWS is not reached
	aws           string        // AWS's code, if it is known
	attempts      int           // if there is a response
}

const (
	identity = "https://sts.REGION.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
	// A bucket of the Registry of Open Data in us-east-1.
	bucket     = "https://noaa-ghcn-pds.s3.us-east-1.amazonaws.com/"
	readObject = "s3:GetObject on arn:aws:s3:::noaa-ghcn-pds/*"
	json10     = `"headers":{"Content-Type":"application/x-amz-json-1.0","X-Amz-Target":"DynamoDB_20120810.`
)

// rows returns the requests, for a region and a time.
func rows(region string, now time.Time) []row {
	list := append(identityRows(), refusalRows()...)
	list = append(list, bucketRows()...)
	fill := strings.NewReplacer("REGION", region, "MISSING", "countersign-live-"+now.UTC().Format("20060102t150405"),
		"EARLIER", now.UTC().Add(-time.Minute).Format(http.TimeFormat))
	for i := range list {
		list[i].request = fill.Replace(list[i].request)
	}
	return list
}

// identityRows are requests that AWS carries out for everyone who has keys.
func identityRows() []row {
	return []row{
		{name: "XML", status: 200, answered: 200, attempts: 1, request: `{"method":"GET","url":"` + identity + `"}`},
		{
			name: "a form", status: 200, answered: 200, attempts: 1,
			request: `{"method":"POST","url":"https://sts.REGION.amazonaws.com/",` +
				`"headers":{"Content-Type":"application/x-www-form-urlencoded"},"body":{"Action":"GetCallerIdentity","Version":"2011-06-15"}}`,
		},
		{
			name: "JSON of STS", status: 200, answered: 200, attempts: 1,
			request: `{"method":"GET","url":"` + identity + `","headers":{"Accept":"application/json"}}`,
		},
		{
			name: "a clock an hour behind", late: time.Hour, status: 200, answered: 200, attempts: 2,
			request: `{"method":"GET","url":"` + identity + `"}`,
		},
	}
}

// refusalRows are requests that AWS refuses, or does not get.
func refusalRows() []row {
	return []row{
		{
			name: "the wrong region", status: 403, code: "aws_refused", answered: 403, aws: "SignatureDoesNotMatch",
			request: `{"method":"GET","url":"` + identity + `","region":"ap-east-1"}`,
		},
		{
			name: "a POST that is refused", status: 400, code: "aws_refused", answered: 400,
			request: `{"method":"POST","url":"https://dynamodb.REGION.amazonaws.com/",` + json10 + `NoSuchOperation"},"body":{}}`,
		},
		{
			name: "a POST that is refused, returned", status: 200, answered: 400, attempts: 1,
			request: `{"method":"POST","url":"https://dynamodb.REGION.amazonaws.com/",` + json10 + `NoSuchOperation"},"body":{},` +
				`"onError":"return"}`,
		},
		{
			name: "an umlaut in the body, two spaces in a header", status: 400, code: "aws_refused", answered: 400,
			request: `{"method":"POST","url":"https://dynamodb.REGION.amazonaws.com/",` + json10 + `DescribeTable","X-Amz-Meta-Note":"a  b"},` +
				`"body":{"TableName":"M\u00fcller"}}`,
		},
		{
			name: "a bucket that is not there", status: 404, code: "aws_refused", answered: 404, aws: "NoSuchBucket",
			request: `{"method":"GET","url":"https://MISSING.s3.REGION.amazonaws.com/?list-type=2"}`,
		},
		{
			name: "HEAD has no code", status: 404, code: "aws_refused", answered: 404,
			request: `{"method":"HEAD","url":"https://MISSING.s3.REGION.amazonaws.com/"}`,
		},
		{
			name: "returned", status: 200, answered: 404, attempts: 1,
			request: `{"method":"GET","url":"https://MISSING.s3.REGION.amazonaws.com/","onError":"return"}`,
		},
		{
			name: "a region that does not exist", status: 503, code: "aws_unreachable",
			request: `{"method":"POST","url":"https://sqs.eu-central-9.amazonaws.com/?Action=ListQueues"}`,
		},
	}
}

// bucketRows are requests for a public bucket.
func bucketRows() []row {
	elsewhere := strings.Replace(bucket, "us-east-1", "us-west-2", 1)
	return []row{
		{
			name: "a bucket of another region", status: 400, code: "aws_redirected", answered: 301, aws: "PermanentRedirect",
			request: `{"method":"GET","url":"` + elsewhere + `ghcnd-countries.txt"}`,
		},
		{
			name: "HEAD of a bucket of another region", status: 400, code: "aws_redirected", answered: 301,
			request: `{"method":"HEAD","url":"` + elsewhere + `"}`,
		},
		{
			name: "signed for another region than the bucket's", status: 400, code: "aws_refused", answered: 400,
			aws: "AuthorizationHeaderMalformed", request: `{"method":"GET","url":"` + bucket + `ghcnd-countries.txt","region":"us-west-2"}`,
		},
		{
			name: "an object", status: 200, answered: 206, attempts: 1, permission: readObject,
			request: `{"method":"GET","url":"` + bucket + `ghcnd-countries.txt","headers":{"Range":"bytes=0-99"}}`,
		},
		{
			name: "not modified", status: 200, answered: 304, attempts: 1, permission: readObject,
			request: `{"method":"GET","url":"` + bucket + `ghcnd-countries.txt","headers":{"If-Modified-Since":"EARLIER"}}`,
		},
		{
			name: "too large", limit: 1024, status: 422, code: "answer_too_large", permission: readObject,
			request: `{"method":"GET","url":"` + bucket + `ghcnd-countries.txt"}`,
		},
	}
}
