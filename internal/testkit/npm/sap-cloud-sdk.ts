// The SAP Cloud SDK with what its generator made of $metadata in ./sales, compiled beside this file.
import assert from 'node:assert/strict'
import { any, asc, desc, filterFunctions } from '@sap-cloud-sdk/odata-v4'
import { sales } from './sales'

const site = JSON.parse(process.argv[2])
const at = { url: new URL(site.sales).origin, isTrustingAllCertificates: false }
const { ordersApi, orderLinesApi, customersApi, productsApi } = sales()

async function main() {
  const headers = { authorization: 'Basic ' + Buffer.from('anyone:' + site.token).toString('base64') }
  const path = new URL(site.sales).pathname
  const { schema: order } = ordersApi
  const asked: string[] = []
  const run = async (builder: any) => {
    builder.setBasePath(path).addCustomHeaders(headers)
    asked.push(await builder.relativeUrl())
    return builder.execute(at)
  }
  const plain = async (query: string) => (await (await fetch(site.sales + query, { headers })).json()).value

  // Everything that filters can say: decimals, doubles (100D), functions, any with its path percent-encoded.
  const all = await run(ordersApi.requestBuilder().getAll())
  assert.equal(all.length, 800)
  assert.equal(all[0].freight.toNumber() > 0, true)
  const late = await run(
    ordersApi.requestBuilder().getAll()
      .filter(order.STATUS.equals('shipped'), order.FREIGHT.greaterThan(20 as any), filterFunctions().contains(order.CUSTOMER_CODE, 'A').equals(true))
      .orderBy(desc(order.FREIGHT), asc(order.ID)).select(order.ID, order.FREIGHT).top(10).skip(5),
  )
  const wanted = (await plain("/Orders?$filter=Status eq 'shipped' and Freight gt 20 and contains(CustomerCode,'A')&$orderby=Freight desc&$skip=5&$top=10"))
  assert.deepEqual(late.map((row: any) => row.id.toNumber()), wanted.map((row: any) => row.ID))
  assert.equal(late.length, 10)

  const discounted = await run(
    ordersApi.requestBuilder().getAll().filter(order.ORDER_LINES.filter(any(orderLinesApi.schema.DISCOUNT.greaterThan(0.1)))),
  )
  assert.deepEqual(discounted.map((row: any) => row.id.toNumber()), (await plain('/Orders?$filter=OrderLines/any(l:l/Discount gt 0.1)')).map((row: any) => row.ID))
  assert.equal(discounted.length > 0 && discounted.length < 800, true)

  const lines = await run(orderLinesApi.requestBuilder().getAll().filter(orderLinesApi.schema.DISCOUNT.lessThan(100)).top(3).expand(orderLinesApi.schema.ORDER, orderLinesApi.schema.PRODUCT))
  assert.equal(lines.length, 3)
  assert.deepEqual(lines.map((row: any) => row.order.id.toNumber()), lines.map((row: any) => row.orderId.toNumber()))

  // How many, one by its key, deep expands.
  assert.equal(await run(ordersApi.requestBuilder().getAll().filter(order.STATUS.equals('new')).count()), (await plain("/Orders?$filter=Status eq 'new'")).length)
  const one = await run(orderLinesApi.requestBuilder().getByKey(lines[1].orderId, lines[1].lineNo))
  assert.equal(one.unitPrice.toString(), lines[1].unitPrice.toString())
  const customer = await run(
    customersApi.requestBuilder().getByKey(all[0].customerCode).expand(customersApi.schema.ORDERS.expand(order.ORDER_LINES).top(2)),
  )
  assert.equal(customer.orders.length >= 1 && customer.orders[0].orderLines.length >= 1, true)
  assert.equal((await run(productsApi.requestBuilder().getAll().filter(productsApi.schema.DISCONTINUED.equals(true)))).every((row: any) => row.discontinued), true)

  // It did say what makes this client special.
  assert.match(asked.join('\n'), /100D/)
  assert.match(asked.join('\n'), /OrderLines%2Fany\(/i)
  console.log('ok')
}

main().catch((err) => {
  console.error(err.stack, err.cause?.stack, JSON.stringify(err.cause?.response?.data), err.rootCause?.message)
  process.exit(1)
})
