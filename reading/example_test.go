package reading_test

import (
	"fmt"
	"strings"

	"countersign/reading"
)

func ExampleRead() {
	paste := `$ curl 'https://sqs.eu-west-1.amazonaws.com/?Action=ListQueues' -H 'X-Amz-Security-Token: IQoJEXAMPLE'
{"message":"The security token included in the request is invalid."}`
	r := reading.Read(paste)
	q, refusal := r.Request(), r.Refusal()
	span := q.URL.Span()
	fmt.Println(q.Method.Text(), q.URL.Text(), "from byte", span.Start, "to", span.End)
	fmt.Println(refusal.Message.Text(), refusal.Says[0].Codes)
	fmt.Println(strings.Split(r.Redacted(), "\n")[0])
	// Output:
	// GET https://sqs.eu-west-1.amazonaws.com/?Action=ListQueues from byte 8 to 62
	// The security token included in the request is invalid. [UnrecognizedClientException InvalidClientTokenId InvalidTokenId]
	// $ curl 'https://sqs.eu-west-1.amazonaws.com/?Action=ListQueues' -H 'X-Amz-Security-Token: [redacted]'
}
