// What the programs beside this one share: the site that the test names, and the rows of a set by plain requests.
import assert from 'node:assert/strict'

// The first argument, as JSON: the roots of the feeds "sales" and "keywright" without a slash at the end, and a token.
export const site = JSON.parse(process.argv[2])
export const headers = { Authorization: 'Basic ' + Buffer.from('anyone:' + site.token).toString('base64') }

// all reads a whole set, page by page; query begins with a question mark.
export async function all(root, set, query = '') {
  const rows = []
  for (let next = `${root}/${set}${query}`; next;) {
    const res = await fetch(next, { headers })
    assert.equal(res.status, 200, next)
    const page = await res.json()
    rows.push(...page.value)
    next = page['@odata.nextLink']
  }
  assert.notEqual(rows.length, 0, set)
  return rows
}

export const keys = (rows) => rows.map((row) => row.ID)
