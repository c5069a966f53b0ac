package access

import "countersign/internal/appendjson"

// appendTo appends the record's fields to o, named by their JSON tags.
func (r *Record) appendTo(o *appendjson.Object) {
	o.Time("ts", r.Time)
	o.Text("event_id", r.EventID)
	o.TextIfAny("request_id", r.RequestID)

	o.Text("caller_id", r.CallerID)
	o.Text("auth_method", string(r.AuthMethod))
	o.TextIfAny("application_id", r.ApplicationID)
	o.TextIfAny("object_id", r.ObjectID)
	o.TextIfAny("issuer", r.Issuer)
	o.TextIfAny("client_ip", r.ClientIP)

	o.Text("action", string(r.Action))
	o.IntIfAny("step", int64(r.Step))
	o.Text("decision", r.Decision)
	o.TextsIfAny("policies", r.Policies)
	o.TextIfAny("deny_reason", r.Reason)
	o.TextsIfAny("notes", r.Notes)

	o.TextIfAny("profile", r.Profile)
	o.TextIfAny("access_key_id", r.AccessKeyID)
	o.TextIfAny("role_arn", r.RoleARN)
	o.TextIfAny("session_name", r.SessionName)
	o.TextIfAny("source_identity", r.SourceIdentity)
	o.TextIfAny("identity_id", r.IdentityID)
	o.TextIfAny("sts_request_id", r.STSRequestID)
	if r.SessionExpires != nil {
		o.Time("cred_expires", *r.SessionExpires)
	}

	o.TextIfAny("method", r.Method)
	o.TextIfAny("host", r.Host)
	o.TextIfAny("region", r.Region)
	o.TextIfAny("service", r.Service)
	o.TextIfAny("operation", r.Operation)
	o.TextIfAny("path", r.Path)
	o.TextsIfAny("query_keys", r.QueryKeys)

	o.TextIfAny("signed_headers", r.SignedHeaders)
	o.TextIfAny("payload_mode", string(r.Payload))
	o.TextIfAny("payload_sha256", r.PayloadSHA256)
	o.TextIfAny("signature_sha256", r.SignatureSHA256)
	o.IntIfAny("presign_expires", r.PresignSeconds)
	o.TextIfAny("amz_date", r.AmzDate)

	r.Sent.appendTo(o)
	r.Workflow.appendTo(o)
	r.Trace.appendTo(o)
	o.TextIfAny("config_hash", r.ConfigHash)
	r.Configuration.appendTo(o)
	o.FloatIfAny("latency_ms", r.LatencyMilliseconds)
}

func (c *Configuration) appendTo(o *appendjson.Object) {
	o.IntIfAny("generation", c.Generation)
	o.TextIfAny("config_sha256", c.ConfigSHA256)
	o.TextIfAny("policies_sha256", c.PoliciesSHA256)
	o.TextsIfAny("callers_added", c.CallersAdded)
	o.TextsIfAny("callers_removed", c.CallersRemoved)
	o.TextsIfAny("callers_changed", c.CallersChanged)
	o.TextsIfAny("profiles_added", c.ProfilesAdded)
	o.TextsIfAny("profiles_removed", c.ProfilesRemoved)
	o.TextsIfAny("profiles_changed", c.ProfilesChanged)
	o.TextsIfAny("settings_changed", c.SettingsChanged)
}

func (s *Sent) appendTo(o *appendjson.Object) {
	o.TextIfAny("of", s.Of)
	o.IntIfAny("attempt", int64(s.Attempt))
	o.TextIfAny("outcome", s.Outcome)
	o.IntIfAny("attempts", int64(s.Attempts))
	o.IntIfAny("status", int64(s.Status))
	o.TextIfAny("aws_code", s.AWSCode)
	o.TextIfAny("aws_request_id", s.AWSRequestID)
	o.IntIfAny("bytes_out", s.BytesOut)
	o.IntIfAny("bytes_in", s.BytesIn)
	o.FloatIfAny("duration_ms", s.DurationMilliseconds)
	o.TextIfAny("remote_address", s.RemoteAddress)
}

func (w *Workflow) appendTo(o *appendjson.Object) {
	o.TextIfAny("workflow_id", w.WorkflowID)
	o.TextIfAny("workflow_name", w.WorkflowName)
	o.TextIfAny("workflow_run_id", w.RunID)
	o.TextIfAny("workflow_operation", w.OperationName)
	o.TextIfAny("client_tracking_id", w.ClientTrackingID)
	o.TextIfAny("action_tracking_id", w.ActionTrackingID)
	o.TextIfAny("correlation_id", w.CorrelationID)
	o.TextIfAny("invocation_id", w.InvocationID)
	o.TextIfAny("traceparent", w.Traceparent)
}

func (t *Trace) appendTo(o *appendjson.Object) {
	o.TextIfAny("trace_id", t.TraceID)
	o.TextIfAny("span_id", t.SpanID)
	o.TextIfAny("trace_flags", t.Flags)
}
