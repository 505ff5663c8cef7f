// A resource server that knows an issuer's key set and nothing else, with jose. The first argument is the
// site as JSON: tokens that are good, and tokens that are not, each by what it is.
import assert from 'node:assert/strict'
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'

const site = JSON.parse(process.argv[2])
const keys = createRemoteJWKSet(new URL(site.jwks_uri))
const expected = { issuer: site.issuer, audience: site.issuer, typ: 'at+jwt', requiredClaims: ['exp', 'sub', 'client_id', 'iat', 'jti', 'scope'] }
for (const [what, token] of Object.entries(site.good)) {
  const { payload, protectedHeader } = await jwtVerify(token, keys, expected)
  assert.equal(protectedHeader.alg, site.algorithm, what)
  assert.equal(payload.scope, 'odata:read', what)
  assert.equal(payload.exp - payload.iat <= 3600, true, what)
}
for (const [what, token] of Object.entries(site.bad)) {
  await assert.rejects(jwtVerify(token, keys, expected), (err) => /^ERR_J/.test(err.code), what)
}
assert.equal(decodeProtectedHeader(Object.values(site.good)[0]).typ, 'at+jwt')
console.log('ok')
