import { resolve } from 'node:path'
import type { NodeCommand } from '../config/node-flags.ts'
import type { NodeDefinition } from '../config/node.ts'
import { removeSavedNodes, savedNodesFile, saveNode, useNodes } from '../nodes/saved.ts'
import { knownNodes, selectNodes } from '../nodes/select.ts'
import { loadDrivers } from '../nodes/load-drivers.ts'
import type { NodeReport } from '../nodes/report.ts'
import { defaultStoreRoot } from '../store/folder.ts'
import { measureStore } from '../store/gc.ts'
import { openStore, type Store } from '../store/store.ts'
import { formatNode, formatNodes, nodesJson } from '../ui/nodes.ts'
import { openStoreFor } from './open-store.ts'
import { print } from './print.ts'
import type { Terminal } from './terminal.ts'
import { withSignals } from './signals.ts'
import { version } from '../version.ts'

/** `xbuild node ...`: tables and JSON on stdout, what was changed on stderr. */
export async function runNode(command: NodeCommand, terminal: Terminal): Promise<number> {
  const { stdout, stderr, env } = terminal
  switch (command.verb) {
    case 'add':
      await saveNode(command.name, command.settings, { env, use: command.use })
      stderr.write(
        `Added ${command.name} to ${savedNodesFile(env)}${command.use ? '' : `; build on it with --builder ${command.name}, or always after xbuild node use ${command.name}`}\n`,
      )
      return 0
    case 'rm':
      await removeSavedNodes(command.names, env)
      stderr.write(`Removed ${command.names.join(', ')}\n`)
      return 0
    case 'use':
      await selectNodes({ named: command.names, configured: command.configured, env }) // a name that nobody knows is not kept
      await useNodes(command.names, env)
      stderr.write(
        `Builds use this machine and ${command.names.filter((name) => name !== 'local').join(', ') || 'no node of xbuild node'}\n`,
      )
      return 0
    case 'ls': {
      const reports = await report(command, terminal, {
        definitions: await knownNodes({ configured: command.configured, env }),
        limit: command.timeout / 1000,
      })
      await print(stdout, command.json ? nodesJson(reports) : formatNodes(reports))
      return 0
    }
    case 'inspect': {
      const definitions = await selectNodes({ named: command.names, configured: command.configured, env })
      const reports = await report(command, terminal, { definitions, limit: command.timeout / 1000 })
      await print(stdout, command.json ? nodesJson(reports) : reports.map(formatNode).join('\n'))
      return reports.every(({ state }) => state.status === 'ready') ? 0 : 1
    }
  }
}

async function report(
  { configured, store: root, cwd }: NodeCommand,
  terminal: Terminal,
  { definitions, limit }: { readonly definitions: readonly NodeDefinition[]; readonly limit: number },
): Promise<readonly NodeReport[]> {
  const { stderr, env } = terminal
  const used = await selectNodes({ named: [], configured, env })
  const store = await openStore(
    root === undefined ? defaultStoreRoot(env, process.geteuid?.() ?? 0) : resolve(cwd, root),
  )
  return withSignals(terminal, {
    onStop: () => stderr.write('Stopping\n'),
    work: async (signal) => {
      const { reportNode } = await import('../nodes/report.ts')
      const { reportHere } = await import('../nodes/report-here.ts')
      // Loading code is not what a node is timed for
      if (definitions.some(({ endpoint }) => endpoint.kind !== 'local')) await loadDrivers()
      const isUsed = (definition: NodeDefinition) => used.some(({ name }) => name === definition.name)
      // Programs that are tried on this machine would slow down what others are asked
      const others = await Promise.all(
        definitions.map((definition) =>
          definition.endpoint.kind === 'local'
            ? undefined
            : reportNode(definition, isUsed(definition), { env, store, signal, limit }),
        ),
      )
      return Promise.all(
        definitions.map(
          async (definition, index) =>
            others[index] ??
            reportHere(isUsed(definition), {
              env,
              store,
              signal,
              limit,
              version: version(),
              measure: () => sizeOf(store, { env, signal }),
            }),
        ),
      )
    },
  })
}

async function sizeOf(
  { folder: { root } }: Store,
  edges: { readonly env: Terminal['env']; readonly signal: AbortSignal },
): Promise<number> {
  const opened = await openStoreFor({ store: root, cwd: '/' }, { ...edges, onWarning: () => undefined })
  try {
    return (await measureStore(opened.folder, opened.snapshots)).reduce((sum, { size }) => sum + size, 0)
  } finally {
    await opened.close()
  }
}
