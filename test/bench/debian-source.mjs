import { existsSync } from 'node:fs'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { archiveFor } from '../../examples/base/debian.mjs'
import { run, runOk, Stop } from '../../examples/setup/process.mjs'
import { osRelease } from '../../examples/setup/programs.mjs'

/** Debian's archive as apt of this machine is configured for it: its address, release, and the keyring it is checked with. */
export async function debianArchive(suite) {
  const { stdout } = await run('apt-get', [
    'indextargets',
    '--format',
    '$(REPO_URI) $(RELEASE) $(ARCHITECTURE)',
    'Created-By: Packages',
  ])
  const configured = stdout
    .split('\n')
    .map((line) => line.split(' '))
    .map(([uri, found, architecture]) => ({ uri, suite: found, architecture }))
  const archive = archiveFor('amd64', { release: osRelease(), configured })
  const keyring = archive.keyrings.map((one) => `/usr/share/keyrings/${one}`).find(existsSync)
  return { ...archive, suite: suite ?? archive.suite, keyring }
}

/** The source of a package as its authors made it, in a folder of that name; `suite` is another than Debian 13. */
export async function fetchSource(source, { folder, name, suite }) {
  const { uri, suite: release, components, keyring } = await debianArchive(suite)
  const apt = join(folder, '.apt')
  await mkdir(join(apt, 'state/lists/partial'), { recursive: true })
  await mkdir(join(apt, 'cache/archives/partial'), { recursive: true })
  await writeFile(join(apt, 'status'), '')
  await writeFile(
    join(apt, 'debian.sources'),
    `Types: deb-src\nURIs: ${uri}\nSuites: ${release}\nComponents: ${components}\nSigned-By: ${keyring}\n`,
  )
  const options = [
    `Dir::State=${apt}/state`,
    `Dir::State::status=${apt}/status`,
    `Dir::Cache=${apt}/cache`,
    `Dir::Etc::sourcelist=${apt}/debian.sources`,
    'Dir::Etc::sourceparts=/dev/null',
    'APT::Sandbox::User=',
  ].flatMap((option) => ['-o', option])
  await runOk('apt-get', ['-qq', ...options, 'update', '--error-on=any'])
  await runOk('apt-get', ['-qq', ...options, 'source', '--download-only', '--tar-only', source], { cwd: apt })
  const archive = (await readdir(apt)).find((one) => /\.orig\.tar\.[a-z0-9]+$/.test(one))
  if (!archive) throw new Stop(`The archive has no source of ${source}`)
  await mkdir(join(folder, name), { recursive: true })
  await runOk('tar', ['-xf', join(apt, archive), '-C', join(folder, name), '--strip-components=1'])
  await rm(apt, { recursive: true, force: true })
}
