// The table of ui5.html: order lines and their orders' customers as a clerk reads them, 20 rows at a time.
/* global sap */
sap.ui.define([
  'sap/ui/model/odata/v4/ODataModel', 'sap/ui/model/Filter', 'sap/ui/model/FilterOperator', 'sap/ui/model/Sorter',
  'sap/m/Table', 'sap/m/Column', 'sap/m/ColumnListItem', 'sap/m/Text', 'sap/ui/core/Element', './authorization',
], (ODataModel, Filter, FilterOperator, Sorter, Table, Column, ColumnListItem, Text, Element, authorization) => {
  'use strict'
  const group = new URLSearchParams(location.search).get('group')
  const model = new ODataModel({
    serviceUrl: '/odata/standard/sales/', autoExpandSelect: true, operationMode: 'Server', groupId: group,
    httpHeaders: { Authorization: authorization },
  })
  const cells = ['ID', 'Customer/Company', 'OrderedAt', 'Freight', 'Status']
  const table = new Table({ growing: true, growingThreshold: 20, columns: cells.map((name) => new Column({ header: new Text({ text: name }) })) })
  table.bindItems({
    path: '/Orders', parameters: { $count: true },
    template: new ColumnListItem({ cells: cells.map((name) => new Text({ text: { path: name } })) }),
  })
  table.setModel(model).placeAt('content')
  const rows = () => table.getItems().map((item) => {
    const { ID, Freight, Status, Customer } = item.getBindingContext().getObject()
    return { ID, Freight, Status, Company: Customer.Company, Shown: item.getCells()[3].getText() }
  })
  const binding = table.getBinding('items')

  // after does something, and waits for the rows that come of it.
  const after = async (act) => {
    const came = new Promise((resolve, reject) => {
      table.attachEventOnce('updateFinished', resolve)
      setTimeout(reject, 30_000, new Error('no rows came'))
    })
    act()
    await came
    return JSON.stringify({ count: binding.getCount(), rows: rows() })
  }
  let first = after(() => {})
  window.walk = {
    first: () => first,
    more: () => after(() => Element.getElementById(table.getId() + '-trigger').firePress()),
    sort: () => after(() => binding.sort([new Sorter('Freight', true)])),
    filter: () => after(() => binding.filter(new Filter({ and: true, filters: [
      new Filter('Status', FilterOperator.EQ, 'shipped'), new Filter('Freight', FilterOperator.BT, '20', '40'), new Filter('Customer/Company', FilterOperator.Contains, 'a'),
      new Filter('OrderedAt', FilterOperator.GE, '2024-01-01T00:00:00Z'),
    ] }))),
    lines: async () => {
      const lines = model.bindList('/Orders(10001)/OrderLines', undefined, new Sorter('LineNo'), undefined, { $expand: { Product: { $select: ['Name'] } } })
      return JSON.stringify((await lines.requestContexts(0, 50)).map((context) => context.getObject()))
    },
    types: async () => JSON.stringify(await Promise.all(cells.map(async (name) => (await model.getMetaModel().requestUI5Type('/Orders/' + name)).getName()))),
  }
})
