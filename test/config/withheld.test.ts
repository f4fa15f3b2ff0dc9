import { expect, test } from 'vitest'
import { completedCommand, writtenCommand } from '../../src/config/withheld.ts'

test.each([
  [
    ['--build-arg', 'API_TOKEN=abc,def'],
    ['--build-arg', 'API_TOKEN=***'],
  ],
  [['--build-arg=db_password=x=y'], ['--build-arg=db_password=***']],
  [
    ['--set', 'web.args.NPM_TOKEN=s'],
    ['--set', 'web.args.NPM_TOKEN=***'],
  ],
  [
    ['--var', 'SECRET=s'],
    ['--var', 'SECRET=***'],
  ],
  [
    ['--cache-to', 'type=s3,bucket=b,secret_access_key=s,mode=max'],
    ['--cache-to', 'type=s3,bucket=b,secret_access_key=***,mode=max'],
  ],
  [['https://me:pass@host/repo.git#main'], ['https://***@host/repo.git#main']],
  [['https://ghp_abc@github.com/a/b.git'], ['https://***@github.com/a/b.git']],
  [['https://host/a.tar?token=s&x=1'], ['https://host/a.tar?token=***&x=1']],
])('%j is written down as %j', (argv, command) => {
  const written = writtenCommand(argv)
  expect(written.command).toEqual(command)
  expect(written.withheld).toHaveLength(1)
})

test.each([
  [['--build-arg', 'VERSION=1', '-t', 'a:1', '.']],
  [['--build-arg', 'API_TOKEN', '.']],
  [['--secret', 'id=token,env=NPM_TOKEN', '--secret=id=key,src=key.pem', '.']],
  [['--build-arg', 'TOKEN_FILE=/run/x', 'git@github.com:a/b.git', 'ssh://git@host/a']],
])('nothing is taken out of %j', (argv) => {
  expect(writtenCommand(argv)).toEqual({ command: argv, withheld: [] })
})

test('variables of the environment fill in build arguments, and what is missing is named', () => {
  const written = writtenCommand(['--build-arg', 'TOKEN=a', '--build-arg=PASSWORD=b', 'https://x@host/a.git'])
  const { argv, missing } = completedCommand(written, { TOKEN: 'again' })
  expect(argv).toEqual(['--build-arg', 'TOKEN=again', '--build-arg=PASSWORD=***', 'https://***@host/a.git'])
  expect(missing.map(({ name }) => name)).toEqual(['PASSWORD', 'the login of a URL'])
})
