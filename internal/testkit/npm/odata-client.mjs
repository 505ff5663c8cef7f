// @odata/client reads both feeds: filters as it builds them, options, counts, one entity, a batch.
import assert from 'node:assert/strict'
import client from '@odata/client'
import { all, headers, keys, site } from './feed.mjs'

const { OData } = client
const open = (root) => OData.New4({ serviceEndpoint: root + '/', commonHeaders: headers, processCsrfToken: false })
const orders = await all(site.sales, 'Orders')
const sales = open(site.sales)
const set = sales.getEntitySet('Orders')

const filter = OData.newFilter().field('Status').eq("shipped").field('Freight').gt(20)
const got = await set.query(OData.newOptions().filter(filter).select(['ID', 'Status']).expand('Customer').orderby('Freight', 'desc').top(50))
const expected = orders.filter((row) => row.Status === 'shipped' && row.Freight > 20).sort((a, b) => b.Freight - a.Freight || a.ID - b.ID).slice(0, 50)
assert.equal(got.length, 50)
assert.deepEqual(keys(got), keys(expected))
assert.deepEqual(Object.keys(got[0]).sort(), ['Customer', 'ID', 'Status'])

assert.equal(await set.count(OData.newFilter().field('Status').eq('new')), orders.filter((row) => row.Status === 'new').length)
assert.equal((await set.retrieve(orders[5].ID)).CustomerCode, orders[5].CustomerCode)
assert.deepEqual(keys(await set.find({ CustomerCode: orders[0].CustomerCode })), keys(orders.filter((row) => row.CustomerCode === orders[0].CustomerCode)))
await assert.rejects(set.retrieve(1), /no such entity/)

// Pages by $skip and $top, as this client reads them.
const seen = []
for (let skip = 0; ; skip += 350) {
  const page = await set.query(OData.newOptions().top(350).skip(skip))
  seen.push(...page)
  if (page.length < 350) break
}
assert.deepEqual(keys(seen), keys(orders))

const [first, second] = await sales.execBatchRequests([
  sales.newBatchRequest({ collection: 'Customers', params: OData.newOptions().top(2) }),
  sales.newBatchRequest({ collection: 'Orders', params: OData.newOptions().top(1).orderby('ID', 'desc') }),
])
assert.equal((await first.json()).value.length, 2)
assert.equal((await second.json()).value[0].ID, orders.at(-1).ID)

const members = await open(site.keywright).getEntitySet('Members').query(OData.newOptions().expand('Tokens').filter("startswith(Email,'dev@')"))
assert.equal(members.length, 1)
assert.equal(members[0].Tokens.every((row) => row.OwnerID === members[0].ID), true)
console.log('ok')
