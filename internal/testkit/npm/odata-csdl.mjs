// Two readers of $metadata: what odata-csdl turns the XML into means the same as our JSON, which OASIS's schema takes
// too, and @sap-ux/edmx-parser finds everything that is there.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import Ajv from 'ajv'
import csdl from 'odata-csdl'
import edmx from '@sap-ux/edmx-parser'
import { headers, site } from './feed.mjs'

const schema = createRequire(import.meta.url)('odata-csdl/schemas/csdl.schema.json')
// The validator's patterns know no classes of Unicode; names are ASCII here.
const ascii = JSON.stringify(schema).replaceAll('\\\\p{L}', '[A-Za-z]').replaceAll('\\\\p{Nd}', '[0-9]')
const valid = new Ajv({ allErrors: true, unknownFormats: 'ignore' }).compile(JSON.parse(ascii))

// plain leaves out what may be left out: text is what a property is when nothing is said.
const plain = (value) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).filter(([name, of]) => name !== '$Type' || of !== 'Edm.String').map(([name, of]) => [name, plain(of)]))
}

for (const root of [site.sales, site.keywright]) {
  const get = (query) => fetch(root + '/$metadata' + query, { headers })
  const xml = await (await get('')).text()
  const json = await (await get('?$format=json')).json()

  const messages = []
  const converted = csdl.xml2json(xml, { strict: true, messages })
  assert.deepEqual(messages, [])
  assert.deepEqual(plain(converted), plain(json))
  valid(json)
  assert.deepEqual(valid.errors, null)

  const parsed = edmx.parse(xml)
  assert.equal(parsed.version, '4.0')
  const namespace = parsed.schema.namespace
  const types = Object.entries(json[namespace]).filter(([, of]) => of.$Kind === 'EntityType')
  assert.deepEqual(parsed.schema.entityTypes.map((type) => type.name).sort(), types.map(([name]) => name).sort())
  for (const type of parsed.schema.entityTypes) {
    const of = json[namespace][type.name]
    const members = [...type.entityProperties, ...type.navigationProperties]
    assert.deepEqual(type.keys.map((key) => key.name), of.$Key)
    assert.deepEqual(members.map((member) => member.name).sort(), Object.keys(of).filter((name) => !/[$@]/.test(name)).sort(), type.name)
    for (const link of type.navigationProperties) {
      assert.deepEqual(link.referentialConstraint.map((c) => [c.sourceProperty, c.targetProperty]), Object.entries(of[link.name].$ReferentialConstraint ?? {}), link.name)
    }
  }
  assert.deepEqual(
    parsed.schema.entitySets.map((set) => [set.name, Object.keys(set.navigationPropertyBinding).length]),
    parsed.schema.entitySets.map((set) => [set.name, parsed.schema.entityTypes.find((type) => type.fullyQualifiedName === set.entityTypeName).navigationProperties.length]),
  )
}
console.log('ok')
