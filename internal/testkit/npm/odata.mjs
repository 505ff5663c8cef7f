// o.js reads both feeds: filter, select, expand, order, pages, one entity, a batch.
import assert from 'node:assert/strict'
import { o } from 'odata'
import { all, headers, keys, site } from './feed.mjs'

const batch = { boundaryPrefix: 'batch_', changsetBoundaryPrefix: 'changeset_', endpoint: '$batch', useChangset: false, useRelativeURLs: false }
const orders = await all(site.sales, 'Orders')
const open = (root, extra = {}) => o(root + '/', { headers: { ...headers, ...extra }, batch: { ...batch, headers: new Headers(headers) } })

const late = await open(site.sales).get('Orders').query({
  $filter: "Status eq 'shipped' and Freight gt 20 and OrderedAt ge 2024-01-01T00:00:00+01:00",
  $select: 'ID,Freight', $expand: 'Customer($select=Company),OrderLines($orderby=Quantity desc;$top=2)', $orderby: 'Freight desc,ID',
})
const expected = orders
  .filter((row) => row.Status === 'shipped' && row.Freight > 20 && new Date(row.OrderedAt) >= new Date('2024-01-01T00:00:00+01:00'))
  .sort((a, b) => b.Freight - a.Freight || a.ID - b.ID)
assert.notEqual(expected.length, 0)
assert.deepEqual(keys(late), keys(expected))
for (const row of late) {
  assert.deepEqual(Object.keys(row).sort(), ['Customer', 'Freight', 'ID', 'OrderLines'])
  assert.deepEqual(Object.keys(row.Customer), ['Company'])
  assert.equal(row.OrderLines.length >= 1 && row.OrderLines.length <= 2, true)
}

// Pages: o.js leaves them to its user.
const seen = []
let pages = 0
for (let next = 'Orders?$select=ID'; next; pages++) {
  const res = await open(site.sales, { Prefer: 'odata.maxpagesize=300' }).get(next.replace(site.sales + '/', '')).fetch()
  assert.equal(res.headers.get('OData-Version'), '4.0')
  const page = await res.json()
  seen.push(...page.value)
  next = page['@odata.nextLink']
}
assert.equal(pages, 3)
assert.deepEqual(keys(seen), keys(orders))

const one = await open(site.sales).get(`Orders(${orders[0].ID})`).query()
assert.equal(one.CustomerCode, orders[0].CustomerCode)
await assert.rejects(open(site.sales).get('Orders(1)').query(), (res) => res.status === 404)
await assert.rejects(open(site.sales).get('Orders').query({ $filter: 'Nothing eq 1' }), (res) => res.status === 400)

const batched = await open(site.sales).get('Customers').get('Orders').get('Nothing').batch({ $top: 3 })
assert.deepEqual(batched.map((part) => part.status), [200, 200, 404])
assert.deepEqual(keys(batched[1].body), keys(orders.slice(0, 3)))

const tokens = await open(site.keywright).get('Tokens').query({ $filter: "Status eq 'active'", $expand: 'Owner', $orderby: 'CreatedAt desc' })
assert.deepEqual(keys(tokens), keys((await all(site.keywright, 'Tokens')).filter((row) => row.Status === 'active').sort((a, b) => (a.CreatedAt < b.CreatedAt ? 1 : -1))))
assert.equal(tokens.every((row) => row.Owner.ID === row.OwnerID), true)
console.log('ok')
