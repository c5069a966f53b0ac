// An OpenID Connect issuer on loopback: it writes a token to a file, and then serves
// its keys until it is stopped.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [folder, port, audience, subject, file] = process.argv.slice(2);
const entry = createRequire(folder + '/').resolve('oauth2-mock-server');
const { OAuth2Server } = await import(pathToFileURL(entry));

const server = new OAuth2Server();
server.issuer.url = `http://127.0.0.1:${port}`;
await server.issuer.keys.generate('RS256');
const token = await server.issuer.buildToken({
  expiresIn: 3600,
  scopesOrTransform: (_, payload) => { payload.aud = audience; payload.sub = subject; },
});
writeFileSync(file, token);
await server.start(Number(port), '127.0.0.1');
