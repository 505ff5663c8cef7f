// What oauth4webapi does with an issuer, by its own calls alone. The first argument is the site as JSON.
// It ends with 1 and says why when something is not as it should be.
import assert from 'node:assert/strict'
import * as oauth from 'oauth4webapi'

const site = JSON.parse(process.argv[2])
const insecure = { [oauth.allowInsecureRequests]: true } // plain HTTP on this machine
const issuer = new URL(site.issuer)

let as
for (const algorithm of ['oauth2', 'oidc']) {
  as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm, ...insecure }))
  assert.equal(as.issuer, site.issuer)
}

const client = { client_id: site.client_id }
const kinds = { EC: { name: 'ECDSA', namedCurve: 'P-256' }, RSA: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, OKP: { name: 'Ed25519' } }
const privateKey = await crypto.subtle.importKey('jwk', site.private_jwk, kinds[site.private_jwk.kty], false, ['sign'])
const ways = {
  client_secret_basic: oauth.ClientSecretBasic(site.client_secret),
  client_secret_post: oauth.ClientSecretPost(site.client_secret),
  private_key_jwt: oauth.PrivateKeyJwt({ key: privateKey, kid: site.private_jwk.kid }),
}
for (const way of as.token_endpoint_auth_methods_supported.filter((way) => way !== 'none')) assert.ok(ways[way], way)

// check is what a resource server does with a token: RFC 9068.
async function check(token, audience = site.issuer) {
  const request = new Request('https://api.example/', { headers: { authorization: `Bearer ${token}` } })
  return oauth.validateJwtAccessToken(as, request, audience, insecure)
}

let access
for (const [way, auth] of Object.entries(ways)) {
  const answer = await oauth.clientCredentialsGrantRequest(as, client, auth, { scope: 'odata:read' }, insecure)
  const got = await oauth.processClientCredentialsResponse(as, client, answer)
  assert.equal(got.token_type, 'bearer', way)
  assert.equal(got.scope, 'odata:read', way)
  assert.equal(got.expires_in, 3600, way)
  const claims = await check(got.access_token)
  assert.equal(claims.sub, site.client_id, way)
  assert.equal(claims.client_id, site.client_id, way)
  access = got.access_token
}

for (const [way, auth] of Object.entries(ways)) {
  const answer = await oauth.introspectionRequest(as, client, auth, access, insecure)
  const said = await oauth.processIntrospectionResponse(as, client, answer)
  assert.equal(said.active, true, way)
  assert.equal(said.scope, 'odata:read', way)
  assert.equal(said.aud, site.issuer, way)
}
const wantsJWT = { ...client, introspection_signed_response_alg: as.introspection_signing_alg_values_supported[0] }
const signed = await oauth.introspectionRequest(as, wantsJWT, ways.client_secret_basic, access, insecure)
assert.match(signed.headers.get('content-type'), /^application\/token-introspection\+jwt/)
const said = await oauth.processIntrospectionResponse(as, wantsJWT, signed)
assert.equal(said.active, true)
await oauth.validateApplicationLevelSignature(as, signed, insecure)

// A public client with a person's refresh token, which is replaced each time.
const publicClient = { client_id: 'user-tokens' }
let refresh = site.refresh_token
for (let i = 0; i < 3; i++) {
  const answer = await oauth.refreshTokenGrantRequest(as, publicClient, oauth.None(), refresh, insecure)
  const got = await oauth.processRefreshTokenResponse(as, publicClient, answer)
  assert.notEqual(got.refresh_token, refresh)
  assert.equal((await check(got.access_token)).client_id, 'user-tokens')
  refresh = got.refresh_token
}

const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
const tokenType = 'urn:ietf:params:oauth:token-type:access_token'
const target = 'https://orders.example/v1'
const parameters = { subject_token: site.pat, subject_token_type: tokenType, scope: 'odata:read', resource: target }
for (const [who, auth] of [[publicClient, oauth.None()], [client, ways.client_secret_basic], [client, ways.private_key_jwt]]) {
  const answer = await oauth.genericTokenEndpointRequest(as, who, auth, exchange, parameters, insecure)
  const got = await oauth.processGenericTokenEndpointResponse(as, who, answer)
  assert.equal(got.issued_token_type, tokenType)
  const claims = await check(got.access_token, target)
  assert.equal(claims.client_id, who.client_id)
  assert.equal(claims.scope, 'odata:read')
  await assert.rejects(check(got.access_token), /aud/)
}

for (const [way, auth] of Object.entries(ways)) {
  await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, auth, access, insecure))
  const after = await oauth.introspectionRequest(as, client, auth, access, insecure)
  assert.deepEqual(await oauth.processIntrospectionResponse(as, client, after), { active: false }, way)
}

// Errors are errors of the library's, with the code in them.
async function refused(code, answer, process) {
  const err = await process(answer).then(() => assert.fail(`no ${code}`), (err) => err)
  assert.ok(err instanceof oauth.ResponseBodyError || err instanceof oauth.WWWAuthenticateChallengeError, `${code}: ${err}`)
  assert.equal(err.error ?? err.cause.error ?? code, code)
}
const wrong = oauth.ClientSecretPost('kw_sec_wrong')
await refused('invalid_client', await oauth.clientCredentialsGrantRequest(as, client, wrong, {}, insecure), (a) => oauth.processClientCredentialsResponse(as, client, a))
await refused('invalid_scope', await oauth.clientCredentialsGrantRequest(as, client, ways.client_secret_post, { scope: 'nope' }, insecure), (a) => oauth.processClientCredentialsResponse(as, client, a))
await refused('invalid_grant', await oauth.refreshTokenGrantRequest(as, publicClient, oauth.None(), 'nope', insecure), (a) => oauth.processRefreshTokenResponse(as, publicClient, a))

for (const resource of as.protected_resources) {
  const answer = await oauth.resourceDiscoveryRequest(new URL(resource), insecure)
  const metadata = await oauth.processResourceDiscoveryResponse(new URL(resource), answer)
  assert.deepEqual(metadata.authorization_servers, [site.issuer])
}
console.log('ok')
