#!/usr/bin/env node
// From a fresh machine to a two-platform image: `npm run quickstart`. What is there already is not made again.
import { readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { makeBase } from './base/make-base.mjs'
import { runImage } from './run-image.mjs'
import { buildProgram, checkNode, installDependencies } from './setup/checkout.mjs'
import { cache, root } from './setup/places.mjs'
import { main, run, Stop } from './setup/process.mjs'
import { installPrograms, neededToBuild } from './setup/programs.mjs'
import { checkUser } from './setup/user.mjs'

const PLATFORMS = ['linux/amd64', 'linux/arm64']

await main(async () => {
  checkNode()
  await installDependencies()
  await buildProgram()
  await installPrograms(neededToBuild())
  await checkUser()
  await mkdir(cache, { recursive: true })
  const busybox = await makeBase('busybox')

  const result = join(cache, 'hello')
  const args = [
    '--platform',
    PLATFORMS.join(','),
    '--build-context',
    `busybox=oci-layout://${busybox}`,
    '-o',
    `type=oci,dest=${result}`,
  ]
  say('Building examples/hello for two platforms', `xbuild ${args.join(' ')} examples/hello`)
  const env = { ...process.env, XBUILD_HOME: process.env.XBUILD_HOME || join(cache, 'store') }
  const program = join(root, 'dist/xbuild.cjs')
  const build = await run(process.execPath, [program, ...args, join(root, 'examples/hello')], {
    cwd: root,
    env,
    show: true,
  })
  if (build.code !== 0) throw new Stop('The build failed. Its output above says why')

  say('One name, two images: the index')
  console.log(JSON.stringify(readIndex(result), null, 2))
  for (const platform of PLATFORMS) {
    say(`Running the image for ${platform}`)
    const code = await runImage(result, { platform })
    if (code !== 0) throw new Stop(`The image for ${platform} ended with status ${code}`)
  }

  say('Done. What next')
  console.log(
    [
      `The result is an OCI layout: ${result}`,
      'See what a build would do, and why:',
      `  npx xbuild plan --platform ${PLATFORMS.join(',')} --build-context busybox=oci-layout://${busybox} examples/hello`,
      'Build your own folder and push it:',
      `  npx xbuild --platform ${PLATFORMS.join(',')} -t REGISTRY/NAME:TAG --push FOLDER`,
      'More examples: examples/README.md. Everything made here but dist and node_modules lies in',
      `  ${cache}`,
    ].join('\n'),
  )
})

function readIndex(layout) {
  const named = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')).manifests
  const [top] = named
  if (named.length > 1 || !top.mediaType.includes('index')) return { manifests: named }
  return JSON.parse(readFileSync(join(layout, 'blobs', ...top.digest.split(':')), 'utf8'))
}

function say(title, detail) {
  console.log(`\n== ${title}${detail ? `\n   ${detail}` : ''}`)
}
