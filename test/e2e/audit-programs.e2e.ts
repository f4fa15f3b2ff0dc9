import { execFileSync } from 'node:child_process'
import { chmodSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeElf } from '../audit/support/elf.ts'
import { writeFiles } from './support/context.ts'
import { baseLayout } from './support/examples.ts'
import { root, tempFolder } from './support/places.ts'

const { bake } = (await import(join(root, 'dist/index.js'))) as typeof import('../../src/index.ts')
const folder = tempFolder()
const [AMD64, I386, ARM, ARM64, S390X, PPC64, RISCV64] = [62, 3, 40, 183, 22, 21, 243]
const OWN = process.arch === 'arm64' ? 'arm64' : 'amd64'
const OTHER = OWN === 'arm64' ? 'amd64' : 'arm64'
const OTHER_MACHINE = OWN === 'arm64' ? AMD64 : ARM64

/** Programs that the compiler of this machine made, and such as no compiler here makes. */
function makePrograms(): string {
  const context = writeFiles(join(folder, 'context'), {
    'main.c': 'void _start(void) { for (;;) {} }\n',
    'lib.c': 'int answer(void) { return 42; }\n',
    loader: makeElf({ machine: OTHER_MACHINE, type: 3 }),
    good: makeElf({ machine: OTHER_MACHINE }),
    'good-of-own': makeElf({ machine: OTHER_MACHINE, needed: ['libanswer.so'] }),
    'loads-two': makeElf({ machine: OTHER_MACHINE, needed: ['libmiddle.so'] }),
    'libmiddle.so': makeElf({ machine: OTHER_MACHINE, type: 3, needed: ['libanswer.so'] }),
    i386: makeElf({ machine: I386, wide: false }),
    amd64: makeElf({ machine: AMD64 }),
    arm64: makeElf({ machine: ARM64 }),
    armv7: makeElf({ machine: ARM, wide: false, armArch: 10 }),
    v3: makeElf({ machine: AMD64, isa: 4 }),
    'ppc64-big': makeElf({ machine: PPC64, big: true }),
    s390x: makeElf({ machine: S390X, big: true }),
    riscv64: makeElf({ machine: RISCV64 }),
    musl: makeElf({ machine: AMD64, loader: '/lib/ld-musl-x86_64.so.1' }),
    glibc: makeElf({ machine: ARM64, loader: '/lib/ld-linux-aarch64.so.1' }),
    'go-like': makeElf({ machine: OWN === 'arm64' ? ARM64 : AMD64, gap: 100_000 }),
    'mach-o': Buffer.concat([Buffer.from('cffaedfe07000001030000000200000000000000', 'hex'), Buffer.alloc(4096)]),
    script: '#!/usr/bin/tool\necho\n',
    'env-script': '#!/usr/bin/env tool\necho\n',
    'lost-script': '#!/usr/bin/missing\necho\n',
  })
  const cc = (name: string, ...flags: string[]) =>
    execFileSync('cc', ['-nostdlib', '-o', name, ...flags], { cwd: context })
  cc('static', '-static', 'main.c')
  cc('stripped', '-static', '-s', 'main.c')
  cc('static-pie', '-static-pie', '-fPIE', 'main.c')
  cc('dynamic', '-pie', '-fPIE', '-Wl,--dynamic-linker=/lib/loader', 'main.c', '-Wl,--no-as-needed')
  cc('libanswer.so', '-shared', '-fPIC', 'lib.c')
  for (const name of readdirSync(context)) chmodSync(join(context, name), 0o755)
  const links = join(folder, 'links/usr/bin')
  writeFiles(links, { sym: { link: '../../opt/real' }, '../../opt/.keep': '' })
  execFileSync('cp', [join(context, 'static'), join(folder, 'links/opt/real')])
  execFileSync('ln', [join(folder, 'links/opt/real'), join(links, 'hard')])
  execFileSync('tar', ['cf', join(context, 'links.tar'), '-C', join(folder, 'links'), '.'])
  return context
}

interface Case {
  readonly dockerfile: string
  readonly platform: string
}

const on = (platform: string, ...lines: string[]): Case => ({
  dockerfile: `${lines.join('\n')}\n`,
  platform: `linux/${platform}`,
})
const scratch = (platform: string, ...lines: string[]) => on(platform, 'FROM scratch', ...lines)

const WRONG: Readonly<Record<string, Case>> = {
  static: scratch(OTHER, 'COPY static /usr/bin/tool', 'CMD ["tool"]'),
  stripped: scratch(OTHER, 'COPY stripped /usr/bin/tool', 'CMD ["tool"]'),
  'static-pie': scratch(OTHER, 'COPY static-pie /usr/bin/tool', 'CMD ["tool"]'),
  'dynamic-pie': scratch(OTHER, 'COPY loader /lib/loader', 'COPY dynamic /usr/bin/tool', 'CMD ["tool"]'),
  'go-like': scratch(OTHER, 'COPY go-like /app', 'ENTRYPOINT ["/app"]'),
  'on-path-only': scratch(OTHER, 'COPY static /usr/local/bin/helper'),
  nested: scratch(OTHER, 'COPY static /opt/a/b/c/tool', 'ENTRYPOINT ["/opt/a/b/c/tool", "serve"]'),
  'set-id': scratch(OTHER, 'COPY --chmod=6755 static /usr/sbin/tool'),
  'hard-link': scratch(OTHER, 'ADD links.tar /', 'CMD ["hard"]'),
  symlink: scratch(OTHER, 'ADD links.tar /', 'CMD ["sym"]'),
  interpreter: scratch(OTHER, 'COPY static /usr/bin/tool', 'COPY script /run', 'CMD ["/run"]'),
  env: scratch(
    OTHER,
    'COPY good /usr/bin/env',
    'ENV PATH=/o',
    'COPY static /o/tool',
    'COPY env-script /run',
    'CMD ["/run"]',
  ),
  'shell-form': scratch(OTHER, 'COPY good /bin/sh', 'COPY static /opt/tool', 'CMD cd / && /opt/tool --serve'),
  'health-check': scratch(OTHER, 'COPY good /app', 'COPY static /ok', 'HEALTHCHECK CMD ["/ok"]', 'CMD ["/app"]'),
  library: scratch(OTHER, 'COPY good-of-own /usr/bin/tool', 'COPY libanswer.so /usr/lib/', 'CMD ["tool"]'),
  'second-library': scratch(
    OTHER,
    'COPY loads-two /usr/bin/tool',
    'COPY libmiddle.so libanswer.so /usr/lib/',
    'CMD ["tool"]',
  ),
  relative: scratch(OTHER, 'WORKDIR /srv', 'COPY static tool', 'CMD ["./tool"]'),
  replaced: scratch(OTHER, 'COPY good /usr/bin/tool', 'COPY static /usr/bin/tool', 'CMD ["tool"]'),
  'pinned-base': on(
    OTHER,
    `FROM --platform=linux/${OWN} scratch AS base`,
    'COPY static /usr/bin/tool',
    'FROM base',
    'CMD ["tool"]',
  ),
  'other-stage': on(
    OTHER,
    'FROM --platform=$BUILDPLATFORM scratch AS made',
    'COPY static /out/tool',
    'FROM scratch',
    'COPY --from=made /out/ /usr/bin/',
  ),
  'i386-on-arm64': scratch('arm64', 'COPY i386 /usr/bin/tool'),
  'arm-on-riscv64': scratch('riscv64', 'COPY armv7 /usr/bin/tool'),
  'amd64-on-386': scratch('386', 'COPY amd64 /usr/bin/tool'),
  'arm64-on-armv7': scratch('arm/v7', 'COPY arm64 /usr/bin/tool'),
  'armv7-on-armv6': scratch('arm/v6', 'COPY armv7 /usr/bin/tool'),
  'v3-on-amd64': scratch('amd64', 'COPY v3 /usr/bin/tool'),
  'big-endian': scratch('ppc64le', 'COPY ppc64-big /usr/bin/tool'),
  's390x-on-riscv64': scratch('riscv64', 'COPY s390x /usr/bin/tool'),
  'musl-loader': scratch('amd64', 'COPY musl /usr/bin/tool', 'CMD ["tool"]'),
  'glibc-loader': scratch('arm64', 'COPY glibc /usr/bin/tool', 'CMD ["tool"]'),
  'lost-interpreter': scratch('amd64', 'COPY lost-script /run', 'CMD ["/run"]'),
  'mach-o': scratch('arm64', 'COPY mach-o /app', 'ENTRYPOINT ["/app"]'),
}

const GOOD: Readonly<Record<string, Case>> = {
  right: scratch(OTHER, 'COPY good /usr/bin/tool', 'CMD ["tool"]'),
  'i386-on-amd64': scratch('amd64', 'COPY i386 /usr/bin/tool'),
  'armv7-on-arm64': scratch('arm64', 'COPY armv7 /usr/bin/tool'),
  'v3-on-v3': scratch('amd64/v3', 'COPY v3 /usr/bin/tool'),
  riscv64: scratch('riscv64', 'COPY riscv64 /usr/bin/tool'),
  corrected: scratch(OTHER, 'COPY static /usr/bin/tool', 'COPY good /usr/bin/tool', 'CMD ["tool"]'),
  bag: scratch(OTHER, 'COPY static stripped i386 s390x /bundle/'),
  'cross-toolchain': scratch(OTHER, `COPY libanswer.so /usr/${OWN}-linux-gnu/lib/`),
  ...Object.fromEntries(
    ['busybox', 'node', 'gcc'].flatMap((base) =>
      [OWN, OTHER].map((arch) => [`${base}-${arch}`, on(arch, `FROM ${base}`)]),
    ),
  ),
}

test('every image with a wrong program is refused, and no good one', async () => {
  const context = makePrograms()
  const layouts = await Promise.all(
    (['busybox', 'node', 'gcc'] as const).map(
      async (name) => [name, `oci-layout://${await baseLayout(name)}`] as const,
    ),
  )
  const all = { ...WRONG, ...Object.fromEntries(Object.entries(GOOD).map(([name, one]) => [`good-${name}`, one])) }
  const target = Object.fromEntries(
    Object.entries(all).map(([name, { dockerfile, platform }]) => [
      name,
      { context, 'dockerfile-inline': dockerfile, platforms: [platform], contexts: Object.fromEntries(layouts) },
    ]),
  )
  writeFileSync(join(folder, 'docker-bake.json'), JSON.stringify({ target }))
  const warnings: string[] = []
  const run = bake([], { targets: Object.keys(all), cwd: folder, store: join(folder, 'store'), allow: ['fs.read=*'] })
  for await (const event of run) if (event.type === 'warning') warnings.push(event.message)
  const { images } = await run.result
  const wrong = Object.keys(images).filter((name) => images[name]?.error?.code === 'WRONG_PROGRAM')
  const others = Object.values(images).flatMap(({ error }) => (error && error.code !== 'WRONG_PROGRAM' ? [error] : []))
  expect(others).toEqual([])
  expect(wrong.toSorted()).toEqual(Object.keys(WRONG).toSorted())
  expect(warnings.filter((text) => / (?:is for|needs|names) /.test(text))).toEqual([
    expect.stringContaining('"/bundle/'),
  ])
})
