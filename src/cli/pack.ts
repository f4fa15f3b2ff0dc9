import { resolve } from 'node:path'
import type { PackCommand } from '../config/pack-flags.ts'
import { sortPacks } from '../emulation/packs/current.ts'
import { packName, packSize, type Pack } from '../emulation/packs/pack.ts'
import { findPack, listPacks, packsFolder, removePack, verifyPack } from '../emulation/packs/pack-folder.ts'
import { XbuildError } from '../errors.ts'
import { defaultStoreRoot } from '../store/folder.ts'
import { formatPacks, packsJson } from '../ui/packs.ts'
import { buildPacks } from './build-packs.ts'
import { pullPacks, pushPacks } from './pack-registry.ts'
import { print } from './print.ts'
import type { Terminal } from './terminal.ts'
import { withSignals } from './signals.ts'

/** `xbuild pack`: the native toolchains in the store. Exit code 1 when a pack is not what it was. */
export async function runPack(command: PackCommand, terminal: Terminal): Promise<number> {
  const { stdout, stderr, env } = terminal
  const folder = packsFolder(
    command.store === undefined ? defaultStoreRoot(env, process.geteuid?.() ?? 0) : resolve(command.cwd, command.store),
  )
  const packs = await listPacks(folder)
  switch (command.verb) {
    case 'ls': {
      const { outdated } = await sortPacks(folder)
      const isUsed = ({ digest }: Pack) => outdated.every((one) => one.digest !== digest)
      const rows = packs.map((pack) => ({ ...rowOf(pack), used: isUsed(pack) }))
      await print(stdout, command.json ? packsJson(rows) : formatPacks(rows))
      return 0
    }
    case 'verify': {
      const chosen = command.names.length > 0 ? command.names.map((name) => findPack(packs, name)) : packs
      let wrong = 0
      for (const pack of chosen) {
        const found = await verifyPack(pack)
        wrong += found.length
        await print(
          stdout,
          `${pack.digest.slice(0, 12)} ${packName(pack.manifest)}: ${found.length === 0 ? 'ok' : found.join(', ')}\n`,
        )
      }
      if (wrong > 0) stderr.write('xbuild does not use damaged packs, and makes them again when a build needs them\n')
      return wrong > 0 ? 1 : 0
    }
    case 'rm':
      for (const pack of command.names.map((name) => findPack(packs, name))) {
        await removePack(pack)
        await print(stdout, `${pack.digest}\n`)
      }
      return 0
    case 'push': {
      const chosen =
        command.names.length > 0
          ? command.names.map((name) => findPack(packs, name))
          : packs.filter(({ manifest }) => !manifest.sibling)
      const own = chosen.find(({ manifest }) => manifest.sibling)
      if (own)
        throw new XbuildError('BAD_OPTION', `Cannot push pack "${own.digest}": it is for one image, which has it`)
      if (chosen.length === 0) throw new XbuildError('NOT_FOUND', 'Cannot push packs: there are none in the store')
      const { ref, registries } = command
      const name = await withSignals(terminal, {
        onStop: () => stderr.write('Stopping\n'),
        work: (signal) => pushPacks(ref, chosen, { folder, registries, terminal, signal }),
      })
      await print(stdout, `${name}\n`)
      return 0
    }
    case 'pull': {
      const { ref, architectures, registries } = command
      const found = await withSignals(terminal, {
        onStop: () => stderr.write('Stopping\n'),
        work: (signal) => pullPacks(ref, architectures, { folder, registries, terminal, signal }),
      })
      await print(stdout, found.map(({ digest }) => `${digest}\n`).join(''))
      return 0
    }
    case 'build':
      return withSignals(terminal, {
        onStop: () => stderr.write('Stopping\n'),
        work: (signal) => buildPacks(command, { folder, store: command.store, signal, terminal }),
      })
  }
}

function rowOf({ manifest, digest }: Pack) {
  const { architecture, distribution, host, twin } = manifest
  return {
    digest: `sha256:${digest}`,
    name: packName(manifest),
    architecture,
    distribution,
    host,
    size: packSize(manifest),
    program: twin.program,
    id: twin.id,
    packages: manifest.packages,
  }
}
