import assert from 'node:assert/strict'
import test from 'node:test'
import { createApp, once } from './server.mjs'

test('tells where it runs', async () => {
  assert.equal(JSON.parse(await once()).platform, `${process.platform}/${process.arch}`)
})

test('knows no other page', async () => {
  const server = createApp().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.on('listening', resolve))
  const response = await fetch(`http://127.0.0.1:${server.address().port}/else`)
  assert.equal(response.status, 404)
  server.close()
})
