// Signs and verifies with aws-crt, AWS's signer in C. Each line of standard input
// is a request in JSON. For each it prints one line: the path and the headers after
// signing, the result of verifying, or an error.
'use strict';

const { auth, http } = require('aws-crt');
const readline = require('readline');

function config(r) {
  return {
    algorithm: r.Version4a ? auth.AwsSigningAlgorithm.SigV4Asymmetric : auth.AwsSigningAlgorithm.SigV4,
    signature_type: r.Presign
      ? auth.AwsSignatureType.HttpRequestViaQueryParams
      : auth.AwsSignatureType.HttpRequestViaHeaders,
    provider: auth.AwsCredentialsProvider.newStatic(r.AccessKeyID, r.SecretAccessKey, r.SessionToken || undefined),
    region: r.Region,
    service: r.Service,
    date: new Date(r.Date),
    header_blacklist: r.Unsigned,
    use_double_uri_encode: r.DoubleEncode,
    should_normalize_uri_path: r.Normalize,
    omit_session_token: r.OmitToken,
    signed_body_value: r.PayloadHash || undefined, // without one it hashes the payload, which is empty
    signed_body_header: r.ContentSHA256Header
      ? auth.AwsSignedBodyHeaderType.XAmzContentSha256
      : auth.AwsSignedBodyHeaderType.None,
    expiration_in_seconds: r.Presign ? r.Expires : undefined,
  };
}

async function answer(line) {
  const r = JSON.parse(line);
  const request = new http.HttpRequest(r.Method, r.Path, new http.HttpHeaders(r.Headers));
  if (r.Verify) {
    const v = r.Verify;
    return { Verified: auth.aws_verify_sigv4a_signing(request, config(r), v.CanonicalRequest, v.Signature, v.X, v.Y) };
  }
  const signed = await auth.aws_sign_request(request, config(r));
  return { Path: signed.path, Headers: [...signed.headers] };
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const out = await answer(line).catch((error) => ({ Error: String(error) }));
    process.stdout.write(JSON.stringify(out) + '\n');
  }
})();
