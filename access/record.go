package access

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

// RecordSchema is the version of the record format. Fields may be added within a version, never changed or removed.
const RecordSchema = 1

// Record is the audit record of one decision. It holds names and hashes, never the value of a header or parameter, a
// body, a signature or a secret. In the written line, strings are cut at 1 KiB, and lists at 64 entries and 4 KiB.
// Records are joined to CloudTrail by AccessKeyID (userIdentity.accessKeyId), SessionName (in the principalId) and
// SourceIdentity, and to the workflow's run by [Workflow].
type Record struct {
	Time      time.Time `json:"ts"`
	EventID   string    `json:"event_id"`
	RequestID string    `json:"request_id,omitempty"`

	CallerID      string `json:"caller_id"`
	AuthMethod    Method `json:"auth_method"`
	ApplicationID string `json:"application_id,omitempty"`
	ObjectID      string `json:"object_id,omitempty"`
	Issuer        string `json:"issuer,omitempty"`
	ClientIP      string `json:"client_ip,omitempty"`

	Action   Action   `json:"action"`
	Step     int      `json:"step,omitempty"` // of four-step signing: step 1 returns no signature, step 3 does
	Decision string   `json:"decision"`       // "allow" or "deny"
	Policies []string `json:"policies,omitempty"`
	Reason   string   `json:"deny_reason,omitempty"`
	Notes    []string `json:"notes,omitempty"`

	Profile        string     `json:"profile,omitempty"`
	AccessKeyID    string     `json:"access_key_id,omitempty"`
	RoleARN        string     `json:"role_arn,omitempty"`
	SessionName    string     `json:"session_name,omitempty"`
	SourceIdentity string     `json:"source_identity,omitempty"`
	IdentityID     string     `json:"identity_id,omitempty"` // in Amazon Cognito
	STSRequestID   string     `json:"sts_request_id,omitempty"`
	SessionExpires *time.Time `json:"cred_expires,omitempty"`

	Method    string   `json:"method,omitempty"`
	Host      string   `json:"host,omitempty"`
	Region    string   `json:"region,omitempty"`
	Service   string   `json:"service,omitempty"`
	Operation string   `json:"operation,omitempty"`
	Path      string   `json:"path,omitempty"` // as sent
	QueryKeys []string `json:"query_keys,omitempty"`

	SignedHeaders   string  `json:"signed_headers,omitempty"`
	Algorithm       string  `json:"-"` // for metrics
	Payload         Payload `json:"payload_mode,omitempty"`
	PayloadSHA256   string  `json:"payload_sha256,omitempty"`
	SignatureSHA256 string  `json:"signature_sha256,omitempty"`
	PresignSeconds  int64   `json:"presign_expires,omitempty"`
	AmzDate         string  `json:"amz_date,omitempty"`

	Sent
	Workflow
	Trace
	// ConfigHash identifies the configuration that decided.
	ConfigHash string `json:"config_hash,omitempty"`
	Configuration
	LatencyMilliseconds float64 `json:"latency_ms,omitempty"`
}

// Configuration is the part of a record of [ActionConfigure], written when a configuration takes effect. The records of
// the decisions made under that configuration have the same ConfigHash.
type Configuration struct {
	Generation      int64    `json:"generation,omitempty"` // 1 when the process starts
	ConfigSHA256    string   `json:"config_sha256,omitempty"`
	PoliciesSHA256  string   `json:"policies_sha256,omitempty"`
	CallersAdded    []string `json:"callers_added,omitempty"`
	CallersRemoved  []string `json:"callers_removed,omitempty"`
	CallersChanged  []string `json:"callers_changed,omitempty"` // a new key or expiry
	ProfilesAdded   []string `json:"profiles_added,omitempty"`
	ProfilesRemoved []string `json:"profiles_removed,omitempty"`
	ProfilesChanged []string `json:"profiles_changed,omitempty"`
	SettingsChanged []string `json:"settings_changed,omitempty"`
}

// Sent is the part of a record about a request that this service sends. A record is written before the first byte of
// each attempt, and one for the outcome.
type Sent struct {
	// Of is the EventID of the first attempt's record, in all records of one request.
	Of      string `json:"of,omitempty"`
	Attempt int    `json:"attempt,omitempty"` // from 2 on; empty in the first

	// Outcome is "complete", "refused", "unreachable", "unknown", "caller_gone" or "broken". The fields below describe
	// the response, as AWS reported it.
	Outcome              string  `json:"outcome,omitempty"`
	Attempts             int     `json:"attempts,omitempty"`
	Status               int     `json:"status,omitempty"`
	AWSCode              string  `json:"aws_code,omitempty"`
	AWSRequestID         string  `json:"aws_request_id,omitempty"`
	BytesOut             int64   `json:"bytes_out,omitempty"`
	BytesIn              int64   `json:"bytes_in,omitempty"`
	DurationMilliseconds float64 `json:"duration_ms,omitempty"`
	RemoteAddress        string  `json:"remote_address,omitempty"`
}

// Workflow holds the ids by which the caller's platform identifies the run that sent a request. The sender chooses
// them, so they serve only to find things again.
type Workflow struct {
	WorkflowID       string `json:"workflow_id,omitempty"`
	WorkflowName     string `json:"workflow_name,omitempty"`
	RunID            string `json:"workflow_run_id,omitempty"`
	OperationName    string `json:"workflow_operation,omitempty"`
	ClientTrackingID string `json:"client_tracking_id,omitempty"`
	ActionTrackingID string `json:"action_tracking_id,omitempty"`
	CorrelationID    string `json:"correlation_id,omitempty"`
	InvocationID     string `json:"invocation_id,omitempty"`
	Traceparent      string `json:"traceparent,omitempty"`
}

// NewRecord returns a record with everything that the question and the decision provide. The caller fills in the
// results of signing.
func NewRecord(q Question, d Decision) Record {
	r := Record{
		CallerID: q.Caller.ID, AuthMethod: q.Caller.Method,
		ApplicationID: q.Caller.Application, ObjectID: q.Caller.Object, Issuer: q.Caller.Issuer,
		Action: q.Action, Decision: "deny", Policies: d.Policies, Reason: d.Reason, Notes: d.Notes, Operation: d.Operation,
		Profile: q.Request.Profile, Service: q.Request.Service, Region: q.Request.Region,
		Method: q.Request.Method, Host: q.Request.Host, Path: q.Request.Path, Payload: q.Request.Payload,
		PresignSeconds: int64(q.Request.ExpiresIn / time.Second),
	}
	if d.Allowed {
		r.Decision = "allow"
	}
	if q.Request.RawQuery != "" {
		r.QueryKeys = make([]string, 0, 1+strings.Count(q.Request.RawQuery, "&"))
	}
	for piece := range strings.SplitSeq(q.Request.RawQuery, "&") {
		if name, _, _ := strings.Cut(piece, "="); name != "" {
			r.QueryKeys = append(r.QueryKeys, name)
		}
	}
	return r
}

// SetSignature records the hash of the signature, not the signature itself.
func (r *Record) SetSignature(signature string) { r.SignatureSHA256 = digest(signature) }

func digest(s string) string {
	var space [128]byte
	sum := sha256.Sum256(append(space[:0], s...))
	var text [2 * len(sum)]byte
	hex.Encode(text[:], sum[:])
	return string(text[:])
}

// WorkflowOf reads the ids that Logic Apps, Power Automate and Azure Functions put into headers, and traceparent (W3C
// Trace Context section 3.2). Values that do not look like ids are left out.
func WorkflowOf(h http.Header) Workflow {
	id := func(name string) string {
		if v := h.Get(name); len(v) <= 128 && allBytes(v, idCharacter) {
			return v
		}
		return ""
	}
	w := Workflow{
		WorkflowID:       id("X-Ms-Workflow-Id"),
		WorkflowName:     id("X-Ms-Workflow-Name"),
		RunID:            id("X-Ms-Workflow-Run-Id"),
		OperationName:    id("X-Ms-Workflow-Operation-Name"),
		ClientTrackingID: id("X-Ms-Client-Tracking-Id"),
		ActionTrackingID: id("X-Ms-Action-Tracking-Id"),
		CorrelationID:    id("X-Ms-Correlation-Id"),
		InvocationID:     id("X-Azure-Functions-Invocationid"),
	}
	if values := h["Traceparent"]; len(values) == 1 {
		if _, ok := parseTraceparent(values[0]); ok {
			w.Traceparent = values[0][:traceparentLength] // future versions may append fields of any length
		}
	}
	return w
}

func idCharacter(c byte) bool {
	return letterOrDigit(c) || c == '-' || c == '_' || c == '.' || c == ':'
}
