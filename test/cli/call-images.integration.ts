import { expect, test } from 'vitest'
import { writeFiles } from '../e2e/support/context.ts'
import { runHere } from '../support/run-in-process.ts'
import { tempFolder } from '../support/temp-folder.ts'

async function ask(...words: string[]) {
  const cwd = writeFiles(tempFolder(), {
    Dockerfile: '# PORT is where it listens\nARG PORT=1\nFROM scratch AS web\nARG PORT\n',
    'api/Dockerfile': 'FROM scratch AS api\nMAINTAINER nobody\n',
    'docker-bake.hcl':
      'group "default" { targets = ["web", "api"] }\ntarget "web" { args = { PORT = 2 } }\ntarget "api" { context = "api" }\n',
  })
  const { code, stdout } = await runHere(['bake', '--progress=quiet', ...words], { cwd })
  return { code, said: JSON.parse(stdout) as unknown }
}

test('answers about several targets are one JSON, each beside its target', async () => {
  expect(await ask('--call=outline,format=json')).toMatchObject({
    code: 0,
    said: {
      group: { default: { targets: ['api', 'web'] } },
      target: {
        web: { build: { args: { PORT: '2' } }, outline: { name: 'web', args: [{ name: 'PORT', value: '2' }] } },
        api: { build: { context: 'api' }, outline: { name: 'api' } },
      },
    },
  })
})

test('what a check finds of one target has the same form', async () => {
  expect(await ask('--call=check,format=json', 'api')).toMatchObject({
    code: 1,
    said: {
      target: { api: { build: { context: 'api' }, check: { warnings: [{ ruleName: 'MaintainerDeprecated' }] } } },
    },
  })
})
