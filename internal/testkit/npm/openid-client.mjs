// What openid-client does with an issuer, by its own calls alone. The first argument is the site as JSON.
// It ends with 1 and says why when something is not as it should be.
import assert from 'node:assert/strict'
import * as client from 'openid-client'

const site = JSON.parse(process.argv[2])
const issuer = new URL(site.issuer)
const kinds = { EC: { name: 'ECDSA', namedCurve: 'P-256' }, RSA: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, OKP: { name: 'Ed25519' } }
const privateKey = await crypto.subtle.importKey('jwk', site.private_jwk, kinds[site.private_jwk.kty], false, ['sign'])
const ways = {
  client_secret_basic: client.ClientSecretBasic(site.client_secret),
  client_secret_post: client.ClientSecretPost(site.client_secret),
  private_key_jwt: client.PrivateKeyJwt({ key: privateKey, kid: site.private_jwk.kid }),
}
const tokenType = 'urn:ietf:params:oauth:token-type:access_token'

let other
for (const algorithm of ['oauth2', 'oidc']) {
  for (const [way, auth] of Object.entries(ways)) {
    const config = await client.discovery(issuer, site.client_id, undefined, auth, { algorithm, execute: [client.allowInsecureRequests] })
    assert.equal(config.serverMetadata().issuer, site.issuer)

    const got = await client.clientCredentialsGrant(config, { scope: 'odata:read' })
    assert.equal(got.scope, 'odata:read', way)
    assert.equal(got.expiresIn() > 3590, true, way)

    const said = await client.tokenIntrospection(config, got.access_token)
    assert.equal(said.active, true, way)
    assert.equal(said.client_id, site.client_id, way)

    const narrow = await client.genericGrantRequest(config, 'urn:ietf:params:oauth:grant-type:token-exchange', {
      subject_token: site.pat, subject_token_type: tokenType, scope: 'odata:read',
    })
    assert.equal(narrow.issued_token_type, tokenType, way)
    assert.equal((await client.tokenIntrospection(config, narrow.access_token)).client_id, site.client_id, way)

    await client.tokenRevocation(config, got.access_token)
    assert.deepEqual(await client.tokenIntrospection(config, got.access_token), { active: false }, way)
    assert.equal((await client.tokenIntrospection(config, narrow.access_token)).active, true, way)
    other = config
  }
}

const people = await client.discovery(issuer, 'user-tokens', undefined, client.None(), { algorithm: 'oauth2', execute: [client.allowInsecureRequests] })
let refresh = site.refresh_token
for (let i = 0; i < 3; i++) {
  const got = await client.refreshTokenGrant(people, refresh, { scope: 'odata:read' })
  assert.notEqual(got.refresh_token, refresh)
  assert.equal((await client.tokenIntrospection(other, got.access_token)).client_id, 'user-tokens')
  refresh = got.refresh_token
}
await client.tokenRevocation(people, refresh)
await assert.rejects(client.refreshTokenGrant(people, refresh), (err) => err.error === 'invalid_grant')
console.log('ok')
