package credentials

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// sourceTime bounds the time that a source may take before STS is called.
const sourceTime = 6 * time.Second

// azureToken requests tokens for the audience from this process's Azure identity. The environment decides which
// identity that is: workload identity on AKS, a managed identity on Functions and Container Apps, otherwise whatever
// the default chain finds, such as the developer's login.
func azureToken(a *AzureIdentity, env func(string) string, base http.RoundTripper) (tokenSource, error) {
	build := func() (azcore.TokenCredential, error) { return azureCredential(a, env, newClient(base, nil)) }
	if _, err := build(); err != nil {
		return nil, err
	}
	var current azcore.TokenCredential
	turn := newTurn()
	return func(ctx context.Context, forceRefresh bool) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, sourceTime)
		defer cancel()
		if err := turn.take(ctx); err != nil {
			return "", err
		}
		defer turn.give()
		options := policy.TokenRequestOptions{Scopes: []string{a.Audience + "/.default"}}
		if forceRefresh {
			current = nil
			options.Claims = "{}" // the library caches a managed identity's tokens for the whole process unless there are claims
		}
		if current == nil {
			var err error
			if current, err = build(); err != nil {
				return "", fail(ErrConfiguration, "no Azure identity")
			}
		}
		token, err := current.GetToken(ctx, options)
		switch {
		case err != nil:
			return "", classifyAzure(ctx, err)
		case !plain(token.Token) || len(token.Token) > tokenLimit:
			return "", fail(ErrUnavailable, "malformed token")
		}
		return token.Token, nil
	}, nil
}

func azureCredential(a *AzureIdentity, env func(string) string, c *http.Client) (azcore.TokenCredential, error) {
	clientID := a.ClientID
	if clientID == "" {
		clientID = lookup(env, "AZURE_CLIENT_ID")
	}
	options := azcore.ClientOptions{Transport: c, Retry: policy.RetryOptions{
		MaxRetries: 4, RetryDelay: 200 * time.Millisecond, MaxRetryDelay: time.Second, TryTimeout: attemptTime,
	}}
	switch {
	case lookup(env, "AZURE_FEDERATED_TOKEN_FILE") != "":
		return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
			ClientOptions: options, ClientID: clientID,
			TenantID:      lookup(env, "AZURE_TENANT_ID"),
			TokenFilePath: lookup(env, "AZURE_FEDERATED_TOKEN_FILE"),
		})
	case lookup(env, "IDENTITY_ENDPOINT") != "", lookup(env, "MSI_ENDPOINT") != "":
		managed := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: options}
		if clientID != "" {
			managed.ID = azidentity.ClientID(clientID)
		}
		return azidentity.NewManagedIdentityCredential(managed)
	}
	return azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: options})
}

// classifyAzure puts the library's text, which contains the response body, into Detail, which is only for the log.
func classifyAzure(ctx context.Context, err error) *Error {
	f := classOfAzure(ctx, err)
	f.Detail = detail(err)
	return f
}

func classOfAzure(ctx context.Context, err error) *Error {
	var refused *azidentity.AuthenticationFailedError
	switch {
	case ctx.Err() != nil:
		return fail(ErrUnavailable, "Azure identity: timeout")
	case !errors.As(err, &refused):
		return fail(ErrConfiguration, "no Azure identity")
	case refused.RawResponse == nil:
		return fail(ErrUnavailable, "Azure identity: connection")
	}
	switch status := refused.RawResponse.StatusCode; {
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status >= 500, status == http.StatusOK:
		return fail(ErrUnavailable, "Azure identity: HTTP "+http.StatusText(status))
	}
	return fail(ErrConfiguration, "Azure identity: token refused")
}

// turn admits one caller at a time, like a mutex whose waiters can be cancelled through a context.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) give() { <-t }
