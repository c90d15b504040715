// The certified npm package oidc-provider as an authorization server over TLS on loopback, told what to do by its parent:
// JSON lines on standard input, JSON lines out. The server's own code decides everything; here it is only configured,
// watched (every request with its answer, and the package's own events) and given a user who consents to all he is asked.
// It ends when standard input does, so it never outlives the test.
//   node server.mjs FOLDER-WITH-NODE_MODULES      first line in: {"key", "cert": PEM files, "clients": [...], "rules": {...}}
import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const packages = resolve(process.argv[2], 'node_modules', 'oidc-provider', 'lib', 'index.js');
const { default: Provider } = await import(pathToFileURL(packages));

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const next = async () => {
  const { value, done } = await lines.next();
  return done ? undefined : JSON.parse(value);
};

const { key, cert, clients, rules } = await next();
const server = createServer({ key: readFileSync(key), cert: readFileSync(cert), ALPNProtocols: ['http/1.1'] });
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const issuer = `https://localhost:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: clients.map(({ public_key: pem, ...client }) => (
    pem ? { ...client, jwks: { keys: [createPublicKey(pem).export({ format: 'jwk' })] } } : client)),
  clientDefaults: {
    application_type: 'native', // a redirect to any port of 127.0.0.1, RFC 8252
    redirect_uris: ['http://127.0.0.1/callback'],
    response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
    id_token_signed_response_alg: 'ES256',
  },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  jwks: { keys: [generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })] },
  features: {
    deviceFlow: { enabled: true },
    devInteractions: { enabled: false },
    revocation: { enabled: true },
  },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  pkce: { required: () => true, methods: ['S256'] },
  rotateRefreshToken: true, // with it comes the package's reuse detection
  scopes: ['openid', 'offline_access'],
  ttl: {
    AccessToken: () => rules.access_s,
    RefreshToken: () => rules.refresh_s,
    Grant: () => rules.grant_s,
    AuthorizationCode: 60,
    DeviceCode: 60,
    IdToken: 600,
    Interaction: 600,
    Session: 600,
  },
});

for (const name of ['grant.error', 'grant.revoked', 'refresh_token.consumed', 'refresh_token.destroyed', 'server_error']) {
  provider.on(name, (...about) => say({ event: name, about: String(about.at(-1)?.message ?? about.at(-1)?.jti ?? '') }));
}

provider.use(async (ctx, rest) => {
  await rest();
  say({
    request: ctx.path,
    method: ctx.method,
    authorization: ctx.get('authorization'),
    form: ctx.oidc?.body ?? {},
    status: ctx.status,
    reply: typeof ctx.body === 'object' && !ctx.body?.pipe ? ctx.body : null,
    location: ctx.response.get('location'),
  });
  if (rules.lose > 0 && ctx.oidc?.body?.grant_type === 'refresh_token') {
    rules.lose -= 1;
    ctx.respond = false;
    ctx.req.socket.destroy(); // all is done here, and nobody will know
  }
});

// The user, asked for a login and then for consent. A consent makes the grant that all tokens hang on.
async function answer({ prompt, params, session }) {
  if (rules.deny) return { error: 'access_denied', error_description: 'the player said no' };
  if (prompt.name === 'login') return { login: { accountId: 'player' } };
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  return { consent: { grantId: await grant.save() } };
}

async function interact(req, res) {
  try {
    const details = await provider.interactionDetails(req, res);
    await provider.interactionFinished(req, res, await answer(details));
  } catch (error) {
    res.writeHead(500).end(String(error));
  }
}

const handle = provider.callback();
server.on('request', (req, res) => (req.url.startsWith('/interaction/') ? interact : handle)(req, res));
say({ issuer, version: JSON.parse(readFileSync(join(packages, '..', '..', 'package.json'))).version, node: process.version });

for (let command = await next(); command; command = await next()) {
  Object.assign(rules, command);
  say({ rules });
}
process.exit(0);
