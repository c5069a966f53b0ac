package handlers

import "countersign/access"

// PolicyRequest returns what the policies would see for a document of the action's operation, for tests of policies.
func (h *Handlers) PolicyRequest(action access.Action, document []byte) (access.Request, error) {
	switch action {
	case access.ActionPresign:
		return policyRequest(document, func(in *presignRequest) (access.Request, error) { return h.broker.PolicyRequest(action, in.input()) })
	case access.ActionVerify:
		return policyRequest(document, func(in *verifyRequest) (access.Request, error) { return h.broker.VerifyPolicyRequest(in.input()) })
	case access.ActionSend:
		return policyRequest(document, func(in *sendRequest) (access.Request, error) {
			return h.broker.PolicyRequest(action, &in.input().Input)
		})
	case access.ActionPostPolicy:
		return policyRequest(document, func(in *postPolicyRequest) (access.Request, error) { return h.broker.FormPolicyRequest(in.input()) })
	}
	return policyRequest(document, func(in *signRequest) (access.Request, error) { return h.broker.PolicyRequest(action, in.input()) })
}

func policyRequest[Q any](document []byte, read func(*Q) (access.Request, error)) (access.Request, error) {
	var in Q
	if err := decodeDocument(document, &in); err != nil {
		return access.Request{}, err
	}
	request, err := read(&in)
	if err != nil {
		return access.Request{}, withPointers(err, &in)
	}
	return request, nil
}
