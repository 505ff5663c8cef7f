// What odata2ts made of $metadata in ./feed: the compiler checks that names and types fit, then both speak with the feed.
import assert from 'node:assert/strict'
import { FetchClient } from '@odata2ts/http-client-fetch'
import { FeedService } from './feed/FeedService'
import type { Customer, Order } from './feed/FeedModel'

const site = JSON.parse(process.argv[2])
const headers = { Authorization: 'Basic ' + Buffer.from('anyone:' + site.token).toString('base64') }

async function main() {
  const feed = new FeedService(new FetchClient({ headers }), site.sales)
  const { data, headers: answered } = await feed.Orders().query((builder, order) =>
    builder
      .select('ID', 'Status', 'Freight', 'ShippedAt')
      .filter(order.Status.eq('shipped'), order.Freight.gt(20), order.CustomerCode.contains('A'), order.OrderLines.any((line) => line.Quantity.gt(10)))
      .expanding('Customer', (customer) => customer.select('Company'))
      .expand('OrderLines')
      .orderBy(order.Freight.desc())
      .count()
      .top(7),
  )
  assert.equal(answered['odata-version'], '4.0')
  const total = (data as unknown as { '@odata.count': number })['@odata.count']
  assert.equal(total > 7, true)
  const orders: Order[] = data.value
  assert.equal(orders.length, 7)
  for (const order of orders) {
    const shipped: string | null = order.ShippedAt
    const company: string | undefined = order.Customer?.Company
    assert.equal(order.Status === 'shipped' && order.Freight > 20 && typeof shipped === 'string' && typeof company === 'string', true)
    assert.equal(order.OrderLines?.some((line) => line.Quantity > 10), true)
  }
  const counted = await (await fetch(`${site.sales}/Orders/$count?$filter=Status eq 'shipped' and Freight gt 20 and contains(CustomerCode,'A') and OrderLines/any(l:l/Quantity gt 10)`, { headers })).text()
  assert.equal(String(total), counted)

  // Pages by the links of the answers.
  const ids: number[] = []
  let page = (await feed.Orders().query(undefined, { headers: { Prefer: 'odata.maxpagesize=300' } })).data as any
  for (; ; page = await (await fetch(page['@odata.nextLink'], { headers })).json()) {
    ids.push(...page.value.map((order: Order) => order.ID))
    if (!page['@odata.nextLink']) break
  }
  assert.equal(new Set(ids).size, 800)

  // By key: of a text, and of two columns.
  const customer: Customer = (await feed.Customers((await feed.Customers().query()).data.value[3].Code).query()).data
  assert.equal(customer.CreditLimit >= 0, true)
  const line = (await feed.OrderLines({ OrderID: orders[0].ID, LineNo: 1 }).query()).data
  assert.equal(line.OrderID, orders[0].ID)
  await assert.rejects(Promise.resolve(feed.Orders(1).query()), (err: any) => err.status === 404)
  console.log('ok')
}

main().catch((err) => {
  console.error(err)
  process.exit(1)
})
