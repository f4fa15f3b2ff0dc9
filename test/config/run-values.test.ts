import { describe, expect, test } from 'vitest'
import { parseArgv } from '../../src/cli/command-line.ts'
import type { CompleteOptions } from '../../src/config/options.ts'
import { parsePlatform } from '../../src/platform.ts'

function options(line: string, env: Record<string, string> = {}): CompleteOptions {
  const command = parseArgv([...line.split(' '), '.'], env, {
    cwd: '/home',
    localPlatform: parsePlatform('linux/amd64'),
  })
  if (command.command !== 'build') throw new Error(`not a build: ${command.command}`)
  return command['options'] as CompleteOptions
}

describe('one flag', () => {
  const cases: readonly (readonly [
    line: string,
    option: keyof CompleteOptions,
    value: unknown,
    env?: Record<string, string>,
  ])[] = [
    [
      '--secret id=a,src=f --secret id=b,source=g',
      'secrets',
      { a: { kind: 'file', path: 'f' }, b: { kind: 'file', path: 'g' } },
    ],
    ['--secret id=a,env=A', 'secrets', { a: { kind: 'env', name: 'A' } }, { A: '1' }],
    ['--secret type=env,id=A', 'secrets', { A: { kind: 'env', name: 'A' } }, { A: '1' }],
    ['--secret id=A', 'secrets', { A: { kind: 'env', name: 'A' } }, { A: '1' }],
    ['--secret type=file,id=A', 'secrets', { A: { kind: 'file', path: 'A' } }, { A: '1' }],
    ['--secret id=A', 'secrets', { A: { kind: 'file', path: 'A' } }],
    ['--ssh default', 'ssh', { default: '/agent' }, { SSH_AUTH_SOCK: '/agent' }],
    ['--ssh default --ssh k=/other', 'ssh', { default: '/agent', k: '/other' }, { SSH_AUTH_SOCK: '/agent' }],
    ['--ssh default=key,other/key', 'ssh', { default: 'key,other/key' }],
    ['--network none', 'network', 'none'],
    ['--network default', 'network', undefined],
    [
      '--add-host a:1.2.3.4 --add-host b=::1 --add-host c:[fe80::1] --add-host d:host-gateway',
      'addHosts',
      [
        { name: 'a', ip: '1.2.3.4' },
        { name: 'b', ip: '::1' },
        { name: 'c', ip: 'fe80::1' },
        { name: 'd', ip: '127.0.0.1' },
      ],
    ],
    [
      '--ulimit nofile=1:2 --ulimit core=-1 --ulimit nofile=3',
      'ulimits',
      [
        { name: 'nofile', soft: 3, hard: 3 },
        { name: 'core', soft: -1, hard: -1 },
      ],
    ],
    [
      '--resource memory=64m,memory-swap=-1,cpuset-cpus=0-2,5 --resource pids=50,cpu-shares=2 --resource pids=60',
      'resources',
      { memory: 64 << 20, memorySwap: -1, cpusetCpus: '0-2,5', pids: 60, cpuShares: 2 },
    ],
    ['--shm-size 1g', 'shmSize', 1 << 30],
    ['--shm-size 0', 'shmSize', undefined],
    ['--no-cache-filter A,b --no-cache-filter c', 'noCacheFilter', ['a', 'b', 'c']],
    ['--allow network.host', 'allow', ['network.host']],
    [
      '--allow network.host,security.insecure --allow device=a/b --allow device',
      'allow',
      ['network.host', 'security.insecure', 'device=a/b', 'device'],
    ],
  ]
  for (const [line, option, value, env] of cases) test(line, () => expect(options(line, env)[option]).toEqual(value))
})

test.each([
  ['--secret src=f', 'it has no id'],
  ['--secret id=a,scr=f', 'unknown key "scr"'],
  ['--secret id=a,type=dir', 'unknown type "dir"'],
  ['--secret id=a,src=f,env=A', 'it has both src and env'],
  ['--secret id=a,env=GONE', 'the variable "GONE" is not set'],
  ['--ssh default', 'no agent is running'],
  ['--network bridge', 'unknown network'],
  ['--add-host a', 'not NAME:IP'],
  ['--add-host a:300.1.1.1', 'not an IP address'],
  ['--ulimit nofiles=1', 'unknown limit "nofiles"'],
  ['--ulimit nofile=2:1', 'the soft limit is above the hard one'],
  ['--ulimit nofile=x', 'not SOFT[:HARD]'],
  ['--resource memroy=1g', 'unknown resource "memroy"'],
  ['--resource constructor=1', 'unknown resource "constructor"'],
  ['--resource memory=1k', 'not at least 6 MiB'],
  ['--resource memory-swap=1g', 'memory-swap without memory'],
  ['--resource memory=2g,memory-swap=1g', 'memory-swap is less than memory'],
  ['--resource cpuset-cpus=a', 'not a list like 0-3,6'],
  ['--resource pids=0', 'not 1 to 4194304'],
  ['--resource pids', 'not 1 to 4194304'],
  ['--allow network.hots', 'there is no such entitlement'],
  ['--allow fs.read=/', 'there is no such entitlement'],
  ['--allow device=', 'there is no such entitlement'],
] as const)('%s: %s', (line, state) => expect(() => options(line)).toThrow(state))
