#!/usr/bin/env node
// Bundles what starts the program and its workers: node src/cli/bundle-start.mjs
import { build } from 'esbuild'

/**
 * The second line of both files, for `/bin/sh` and for JavaScript, where it is a string and a comment: the shell starts
 * Node without NODE_EXTRA_CA_CERTS, since Node reads all these certificates at once (40 ms for a usual list), whatever it
 * is started for. The program reads them for its first TLS connection (`host/http/authorities.ts`). Other options of
 * Node may be about certificates, too: then nothing is changed.
 */
const WITHOUT_CERTIFICATES =
  `':' //; [ -z "\${NODE_EXTRA_CA_CERTS-}" ] || [ -n "\${NODE_OPTIONS-}" ] || ` +
  `{ export XBUILD_EXTRA_CA_CERTS="$NODE_EXTRA_CA_CERTS"; unset NODE_EXTRA_CA_CERTS; }; exec node "$0" "$@"`

await build({
  entryPoints: { xbuild: 'src/cli/main.ts', worker: 'src/cli/worker.ts' },
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  supported: { 'dynamic-import': false },
  banner: {
    js: `${WITHOUT_CERTIFICATES}\nconst importMetaUrl=require("node:url").pathToFileURL(__filename).href`,
  },
  define: { 'import.meta.url': 'importMetaUrl', 'import.meta.dirname': '__dirname' },
  minifyWhitespace: true,
  minifySyntax: true,
  sourcemap: true,
  sourcesContent: false,
  logLevel: 'warning',
})
