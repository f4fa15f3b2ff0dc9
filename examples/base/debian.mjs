import { existsSync } from 'node:fs'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findProgram, run, runOk, Stop } from '../setup/process.mjs'
import { osRelease } from '../setup/programs.mjs'

/**
 * Downloads packages and what they depend on for one architecture, into `folder`; resolves to the paths of the .deb
 * files.
 * apt gets a root of its own, so neither root nor `dpkg --add-architecture` is needed, and checks the archive's
 * signatures as always.
 */
export async function downloadPackages(packages, { architecture, folder }) {
  if (!findProgram('apt-get') || !findProgram('dpkg-deb')) {
    throw new Stop(
      'Base images are made from Debian packages, which needs apt-get and dpkg-deb: run this on Debian or Ubuntu',
    )
  }
  await rm(folder, { recursive: true, force: true })
  await mkdir(join(folder, 'state/lists/partial'), { recursive: true })
  await mkdir(join(folder, 'cache/archives/partial'), { recursive: true })
  await writeFile(join(folder, 'status'), '')
  const source = archiveFor(architecture, { release: osRelease(), configured: await configuredTargets() })
  await writeFile(join(folder, 'debian.sources'), sourceText(source, architecture))
  const options = [
    `Dir::State=${folder}/state`,
    `Dir::State::status=${folder}/status`,
    `Dir::Cache=${folder}/cache`,
    `Dir::Log=${folder}`,
    `Dir::Etc::sourcelist=${folder}/debian.sources`,
    'Dir::Etc::sourceparts=/dev/null',
    'Dir::Etc::preferencesparts=/dev/null',
    `APT::Architecture=${architecture}`,
    `APT::Architectures=${architecture}`,
    'APT::Install-Recommends=false',
    'APT::Sandbox::User=', // the user _apt could not write here
    'Acquire::Languages=none',
    'Acquire::Retries=3',
  ].flatMap((option) => ['-o', option])
  const apt = (...args) => runOk('apt-get', ['-qq', ...options, ...args])
  await apt('update', '--error-on=any')
  await apt('install', '--download-only', '-y', ...packages)
  const archives = join(folder, 'cache/archives')
  const debs = (await readdir(archives)).filter((name) => name.endsWith('.deb')).sort()
  return debs.map((name) => join(archives, name))
}

/**
 * Which archive holds packages of an architecture: Debian 13 from the mirror this machine uses, or Ubuntu's own
 * release,
 * whose other architectures live on a server of their own.
 */
export function archiveFor(architecture, { release, configured }) {
  const like = [release.ID, ...(release.ID_LIKE ?? '').split(' ')]
  if (like.includes('ubuntu')) {
    const suite = release.UBUNTU_CODENAME ?? release.VERSION_CODENAME
    const own = configured.find((target) => target.suite === suite && target.architecture === architecture)
    const main = architecture === 'amd64' || architecture === 'i386'
    const server = main ? 'http://archive.ubuntu.com/ubuntu' : 'http://ports.ubuntu.com/ubuntu-ports'
    return { uri: own?.uri ?? server, suite, components: 'main universe', keyrings: ['ubuntu-archive-keyring.gpg'] }
  }
  const own =
    configured.find((target) => /\/debian\/?$/.test(target.uri)) ??
    configured.find((target) => target.uri && !target.uri.includes('security'))
  if (!own)
    throw new Stop(
      'apt has no archive to take packages from. Name a Debian mirror in /etc/apt/sources.list, then run this again',
    )
  const keyrings = ['debian-archive-keyring.pgp', 'debian-archive-keyring.gpg']
  return { uri: own.uri, suite: 'trixie', components: 'main', keyrings }
}

async function configuredTargets() {
  const { stdout } = await run('apt-get', [
    'indextargets',
    '--format',
    '$(REPO_URI) $(RELEASE) $(ARCHITECTURE)',
    'Created-By: Packages',
  ])
  return stdout
    .split('\n')
    .map((line) => line.split(' '))
    .map(([uri, suite, architecture]) => ({ uri, suite, architecture }))
}

function sourceText({ uri, suite, components, keyrings }, architecture) {
  const keyring = keyrings.map((name) => `/usr/share/keyrings/${name}`).find(existsSync)
  if (!keyring)
    throw new Stop(
      `Cannot check signatures: ${keyrings.at(-1)} is missing. Install it: apt-get install debian-archive-keyring`,
    )
  return [
    'Types: deb',
    `URIs: ${uri}`,
    `Suites: ${suite}`,
    `Components: ${components}`,
    `Architectures: ${architecture}`,
    `Signed-By: ${keyring}`,
    '',
  ].join('\n')
}
