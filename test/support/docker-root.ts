import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { inTurn } from '../e2e/support/turns.ts'
import { runOk } from '../e2e/support/xbuild.ts'
import { debianMirror } from './debian-mirror.ts'

/** The suite with a current Docker: those of Debian's stable releases lack much of today's Dockerfile language. */
const SUITE = 'sid'
const PACKAGES = ['docker.io', 'docker-cli', 'docker-buildx', 'ca-certificates', 'xz-utils']

/** A folder with a Debian that has Docker, made at first use (two to four minutes); `cache` keeps it. */
export async function dockerRoot(cache: string): Promise<string> {
  const target = join(cache, `docker-${SUITE}`)
  if (existsSync(target)) return target
  if (process.getuid?.() !== 0)
    throw new Error('The conformance tests start a Docker engine in a folder of its own, which needs root')
  await inTurn(`docker-${SUITE}`, async () => existsSync(target) || makeRoot(target))
  return target
}

async function makeRoot(target: string): Promise<void> {
  await installMmdebstrap()
  const making = `${target}.${process.pid}`
  console.error(`Making a Debian ${SUITE} with Docker in ${target}: a few minutes, once`)
  mkdirSync(dirname(target), { recursive: true })
  try {
    await runOk('mmdebstrap', [
      '--mode=root',
      '--variant=minbase',
      '--quiet',
      `--include=${PACKAGES.join(',')}`,
      '--aptopt=APT::Install-Recommends "false"',
      // A mirror may be a snapshot; its signature is checked all the same
      '--aptopt=Acquire::Check-Valid-Until "false"',
      '--dpkgopt=force-unsafe-io',
      SUITE,
      making,
      `deb ${await debianMirror()} ${SUITE} main`,
    ])
    renameSync(making, target)
  } finally {
    rmSync(making, { recursive: true, force: true })
  }
}

/** What tells one Docker from the next. */
export function dockerVersion(root: string): string {
  return execFileSync('chroot', [root, 'dpkg-query', '--show', ...PACKAGES, 'containerd', 'runc'], { encoding: 'utf8' })
}

async function installMmdebstrap(): Promise<void> {
  const setup = await import('../../examples/setup/programs.mjs' as string)
  await setup.installPrograms([
    { programs: ['mmdebstrap'], package: 'mmdebstrap', why: 'makes the Debian that the tests run Docker in' },
  ])
}
