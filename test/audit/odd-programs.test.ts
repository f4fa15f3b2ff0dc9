import { expect, test } from 'vitest'
import { mergeLayers } from '../../src/audit/image-tree.ts'
import { judge } from '../../src/audit/judge.ts'
import type { ContainerConfig } from '../../src/oci/manifest.ts'
import { parsePlatform } from '../../src/platform.ts'
import { makeElf, type MadeElf } from './support/elf.ts'
import { scanLayer, type MadeFile } from './support/layer.ts'

/** Programs and libraries by what they are for. */
const CPUS = {
  amd64: { machine: 62 },
  x32: { machine: 62, wide: false },
  i386: { machine: 3, wide: false },
  arm64: { machine: 183 },
  armv5: { machine: 40, wide: false, armArch: 4, flags: 0x5000200 },
  armv6: { machine: 40, wide: false, armArch: 7, flags: 0x5000400 },
  armv7: { machine: 40, wide: false, armArch: 10, flags: 0x5000400 },
  armv8: { machine: 40, wide: false, armArch: 19, flags: 0x5000400 },
  riscv64: { machine: 243, flags: 4 },
  riscv32: { machine: 243, wide: false },
  ppc64: { machine: 21, big: true, flags: 1 },
  ppc64le: { machine: 21, flags: 2 },
  ppc: { machine: 20, wide: false, big: true },
  s390x: { machine: 22, big: true },
  s390: { machine: 22, wide: false, big: true },
  mips: { machine: 8, wide: false, big: true },
  mipsle: { machine: 8, wide: false },
  mips64le: { machine: 8 },
  n32le: { machine: 8, wide: false, flags: 0x20 },
  loong64: { machine: 258, flags: 0x43 },
  sparc64: { machine: 43, big: true },
  bpf: { machine: 247 },
} satisfies Record<string, MadeElf>
type Cpu = keyof typeof CPUS

const program = (cpu: Cpu, more: Partial<MadeElf> = {}) => ({ bytes: makeElf({ ...CPUS[cpu], ...more }) })
const library = (cpu: Cpu, more: Partial<MadeElf> = {}) => ({ ...program(cpu, { type: 3, ...more }), mode: 0o644 })
const data = (cpu: Cpu, more: Partial<MadeElf> = {}) => ({ ...program(cpu, more), mode: 0o644 })
const text = (bytes: string, mode = 0o755) => ({ bytes, mode })

/** A program of Windows with machine code: nothing but its headers. */
function makePe(machine: number, subsystem = 3): Buffer {
  const pe = Buffer.alloc(64 + 24 + 240)
  pe.write('MZ')
  pe.writeUInt32LE(64, 60)
  pe.write('PE\0\0', 64)
  pe.writeUInt16LE(machine, 68)
  pe.writeUInt16LE(240, 84)
  pe.writeUInt16LE(0x20b, 88)
  pe.writeUInt16LE(subsystem, 88 + 68)
  return pe
}

/** A universal file of Apple for amd64 and arm64, in the form with short or with long offsets. */
function makeFat(magic: number, entry: number): Buffer {
  const fat = Buffer.alloc(8 + 2 * entry)
  fat.writeUInt32BE(magic, 0)
  fat.writeUInt32BE(2, 4)
  fat.writeUInt32BE(0x01000007, 8)
  fat.writeUInt32BE(0x0100000c, 8 + entry)
  return fat
}

type Case = readonly [
  what: string,
  platform: string,
  files: Readonly<Record<string, MadeFile>>,
  config?: ContainerConfig,
]

function findings([, platform, files, config = {}]: Case): string[] {
  const tree = mergeLayers([scanLayer(files)])
  return judge({ platform: parsePlatform(platform), config, tree, isWhole: true }).findings.map(
    ({ path, problem, is, because }) => `${path}: ${problem} ${is} (${because ?? 'nothing'})`,
  )
}

const run = (...argv: string[]): ContainerConfig => ({ Entrypoint: argv })
const LD = '/lib64/ld-linux-x86-64.so.2'

const RIGHT: readonly Case[] = [
  ['riscv64 without compressed instructions', 'linux/riscv64', { 'bin/x': program('riscv64') }],
  ['riscv64 with them and the order of x86', 'linux/riscv64', { 'bin/x': program('riscv64', { flags: 0x15 }) }],
  [
    'a static riscv64 program that uses no registers of floats',
    'linux/riscv64',
    { 'bin/x': program('riscv64', { flags: 0 }) },
  ],
  ['armv5 soft-float on v5', 'linux/arm/v5', { 'bin/x': program('armv5') }],
  ['armv5 soft-float, static, on v7', 'linux/arm/v7', { 'bin/x': program('armv5') }],
  ['armv6 hard-float on v6', 'linux/arm/v6', { 'bin/x': program('armv6') }],
  ['armv6 on v7', 'linux/arm/v7', { 'bin/x': program('armv6') }],
  ['a 32-bit program for v8 on arm64', 'linux/arm64', { 'bin/x': program('armv8') }],
  ['31-bit programs on s390x, which its kernels run', 'linux/s390x', { 'bin/x': program('s390') }],
  ['32-bit programs on big-endian ppc64', 'linux/ppc64', { 'bin/x': program('ppc') }],
  ['n32 on mips64le', 'linux/mips64le', { 'bin/x': program('n32le'), 'lib32/l.so': library('n32le') }],
  ['o32 on mips64le', 'linux/mips64le', { 'bin/x': program('mipsle') }],
  ['LoongArch', 'linux/loong64', { 'bin/x': program('loong64', { needed: ['l.so'] }), 'lib/l.so': library('loong64') }],
  ['code of BPF', 'linux/amd64', { 'usr/lib/x.o': data('bpf'), 'usr/bin/x': program('bpf') }],
  ['a core dump', 'linux/arm64', { 'var/core': program('amd64', { type: 4 }), core: data('amd64', { type: 4 }) }],
  [
    'a kernel module and object files',
    'linux/arm64',
    { 'opt/x.ko': data('amd64', { type: 1 }), 'x/crt1.o': data('i386', { type: 1 }) },
  ],
  ['an archive of objects', 'linux/arm64', { 'usr/lib/libx.a': text('!<arch>\n', 0o644) }],
  ['the vDSO of x32 beside a kernel', 'linux/amd64', { 'usr/lib/modules/6.1/vdso/vdsox32.so': library('x32') }],
  ['debug files, in their folder', 'linux/amd64', { 'usr/lib/debug/.build-id/ab/c.debug': library('arm64') }],
  [
    'debug files beside their program',
    'linux/amd64',
    { 'opt/app/app.debug': program('arm64', { loader: 'GCC: (Debian)' }) },
  ],
  [
    'debug information in PATH, where something else is at the place of the loader',
    'linux/amd64',
    { 'usr/bin/x.debug': program('amd64', { type: 3, loader: 'GCC: (Debian)' }) },
  ],
  ['an AppImage', 'linux/amd64', { 'usr/bin/x': { bytes: appImage() } }],
  [
    'a link to busybox for each of its programs',
    'linux/arm64',
    {
      'bin/busybox': program('arm64'),
      'bin/sh': { symlink: 'busybox' },
      'bin/ls': { hardlink: 'bin/busybox' },
      go: text('#!/bin/sh\n'),
    },
    run('/go'),
  ],
  [
    'a script with a blank before its interpreter, and none',
    'linux/arm64',
    { 'bin/sh': program('arm64'), a: text('#! \t/bin/sh -e'), 'bin/b': text('#!\n'), c: text('#!/bin/sh') },
    run('/a', '/c'),
  ],
  [
    'a script with a mark of byte order',
    'linux/arm64',
    { 'bin/sh': program('arm64'), a: text('\ufeff#!/bin/none\n') },
    run('/a'),
  ],
  [
    'a class of Java and WebAssembly',
    'linux/arm64',
    { 'app/A.class': { bytes: Buffer.from('cafebabe00000041', 'hex') }, 'app/x.wasm': text('\0asm\u0001\0\0\0') },
  ],
  [
    'a boot loader for EFI, and what GRUB and Syslinux load',
    'linux/arm64',
    {
      'boot/efi/BOOTX64.EFI': { bytes: makePe(34404, 10) },
      'usr/lib/syslinux/modules/bios/menu.c32': library('i386'),
      'usr/lib/grub/i386-pc/kernel.exec': program('i386'),
    },
  ],
  [
    'tools for Windows in PATH, which nobody starts there',
    'linux/arm64',
    { 'usr/local/bin/helper.exe': { bytes: makePe(34404) } },
  ],
  [
    'Wine and programs for it',
    'linux/amd64',
    {
      'usr/lib/x86_64-linux-gnu/wine/x86_64-windows/a.dll': { bytes: makePe(34404), mode: 0o644 },
      'usr/bin/wine-stable': program('amd64'),
      'app/a.exe': { bytes: makePe(332) },
    },
    run('wine-stable', '/app/a.exe'),
  ],
  [
    'firmware of emulated machines',
    'linux/amd64',
    {
      'usr/share/qemu/openbios-sparc64': data('sparc64'),
      'usr/share/qemu/s390-ccw.img': data('s390x'),
      'usr/share/qemu/palcode.so': library('ppc64'),
    },
  ],
  [
    'firmware for boards, without an x bit',
    'linux/amd64',
    { 'opt/firmware/board.elf': data('armv7'), 'opt/x/app.axf': data('riscv32') },
  ],
  [
    'files of tests',
    'linux/amd64',
    {
      'root/.cargo/object-0.36/testfiles/a.so': library('arm64'),
      'x/__fixtures__/b': program('arm64'),
      'go/debug/elf/testdata/c': program('ppc64'),
    },
  ],
  [
    'a library of Debian for another CPU',
    'linux/arm64',
    {
      'usr/lib/x86_64-linux-gnu/libc.so.6': program('amd64', { type: 3, loader: LD }),
      'lib64/ld-linux-x86-64.so.2': { symlink: '/usr/lib/x86_64-linux-gnu/ld.so.2' },
      'usr/lib/x86_64-linux-gnu/ld.so.2': program('amd64', { type: 3 }),
    },
  ],
  [
    'programs that libraries of another CPU bring',
    'linux/arm64',
    { 'usr/lib/x86_64-linux-gnu/gstreamer1.0/gst-plugin-scanner': program('amd64') },
  ],
  [
    'a cross compiler of Debian',
    'linux/amd64',
    {
      'usr/bin/aarch64-linux-gnu-gcc': program('amd64'),
      'usr/lib/gcc-cross/aarch64-linux-gnu/12/cc1': program('amd64'),
      'usr/lib/gcc-cross/aarch64-linux-gnu/12/crtbegin.o': data('arm64', { type: 1 }),
      'usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1': program('arm64', { type: 3 }),
      'usr/arm-linux-gnueabihf/lib/libc.so.6': program('armv7', { type: 3 }),
      'usr/s390x-linux-gnu/sbin/ldconfig': program('s390x'),
    },
  ],
  [
    'a cross compiler of Arm, of crosstool-NG and of Buildroot',
    'linux/amd64',
    {
      'opt/arm/aarch64-none-linux-gnu/libc/lib/libm.so.6': library('arm64'),
      'opt/x-tools/riscv64-unknown-linux-gnu/lib/libm.so.6': library('riscv64'),
      'opt/buildroot/arm-buildroot-linux-gnueabihf/lib/libm.so.6': library('armv7'),
      'opt/yocto/sysroots/cortexa57-poky-linux/usr/bin/tool': program('arm64'),
    },
  ],
  [
    'the NDK of Android',
    'linux/amd64',
    {
      'opt/ndk/sysroot/usr/lib/aarch64-linux-android/21/libc.so': library('arm64'),
      'opt/ndk/lib/arm-linux-androideabi/libc++_shared.so': library('armv7'),
      'opt/ndk/lib/linux/x86_64/lldb-server': program('amd64'),
      'opt/ndk/lib/linux/aarch64/lldb-server': program('arm64'),
    },
  ],
  [
    'targets of Rust',
    'linux/amd64',
    {
      'root/.rustup/lib/rustlib/aarch64-unknown-linux-musl/lib/libstd.so': library('arm64'),
      'root/.rustup/lib/rustlib/x86_64-unknown-linux-gnux32/lib/libstd.so': library('x32'),
      'root/.rustup/lib/rustlib/riscv64gc-unknown-linux-gnu/lib/libstd.so': library('riscv64'),
      'root/.rustup/lib/rustlib/x86_64-unknown-freebsd/lib/libstd.so': library('amd64', { osabi: 9 }),
    },
  ],
  [
    'the libraries of gcc-multilib',
    'linux/amd64',
    {
      'usr/libx32/libc.so.6': library('x32'),
      'usr/lib/gcc/x86_64-linux-gnu/12/x32/libgcc_s.so': library('x32'),
      'usr/lib32/libc.so.6': library('i386'),
    },
  ],
  [
    'libraries of glibc for newer CPUs',
    'linux/amd64',
    { 'usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v3/libz.so.1': library('amd64', { isa: 4 }) },
  ],
  [
    'libraries for each version of Arm',
    'linux/arm/v6',
    { 'usr/lib/libarmmem-v6l.so': library('armv6'), 'usr/lib/libarmmem-v7l.so': library('armv7') },
  ],
  [
    'emulators of user mode, and what they run',
    'linux/amd64',
    {
      'usr/bin/qemu-riscv64-static': program('amd64'),
      'usr/bin/qemu-aarch64': program('amd64'),
      'opt/device/bin/app': program('arm64'),
      'opt/board/app': program('riscv64'),
    },
  ],
  [
    'box64 and programs of Steam',
    'linux/arm64',
    {
      'usr/local/bin/box64': program('arm64'),
      'home/steam/linux32/steamcmd': program('i386'),
      'home/steam/linux64/steamclient.so': library('amd64'),
    },
    run('box64', '/home/steam/linux32/steamcmd'),
  ],
  [
    'prebuilt modules of Node whose names differ',
    'linux/amd64',
    {
      'app/node_modules/leveldown/prebuilds/linux-x64/node.napi.glibc.node': library('amd64'),
      'app/node_modules/leveldown/prebuilds/linux-arm64/node.napi.armv8.node': library('arm64'),
      'app/node_modules/leveldown/prebuilds/android-arm/node.napi.armv7.node': library('armv7'),
      'app/node_modules/leveldown/prebuilds/linux-arm/node.napi.armv6.node': library('armv6'),
    },
  ],
  [
    'packages of Node for two CPUs',
    'linux/amd64',
    {
      'app/node_modules/@img/sharp-linux-x64/lib/sharp-linux-x64.node': library('amd64'),
      'app/node_modules/@img/sharp-linux-arm64/lib/sharp-linux-arm64.node': library('arm64'),
      'app/node_modules/@esbuild/linux-x64/bin/esbuild': program('amd64'),
      'app/node_modules/@esbuild/linux-arm64/bin/esbuild': program('arm64'),
      'app/node_modules/7zip-bin/linux/x64/7za': program('amd64'),
      'app/node_modules/7zip-bin/linux/arm/7za': program('armv7'),
    },
  ],
  [
    'native parts of Java that were unpacked',
    'linux/arm64',
    {
      'app/com/sun/jna/linux-aarch64/libjnidispatch.so': library('arm64'),
      'app/com/sun/jna/linux-x86/libjnidispatch.so': library('i386'),
      'app/com/sun/jna/linux-ppc64le/libjnidispatch.so': library('ppc64le'),
      'app/com/sun/jna/linux-mips64el/libjnidispatch.so': library('mips64le'),
      'app/META-INF/native/libnetty_linux_x86_64.so': library('amd64'),
      'app/META-INF/native/libnetty_linux_aarch_64.so': library('arm64'),
      'app/org/sqlite/native/Linux/aarch64/libsqlitejdbc.so': library('arm64'),
      'app/org/sqlite/native/Linux/x86/libsqlitejdbc.so': library('i386'),
      'app/org/sqlite/native/Linux/ppc64/libsqlitejdbc.so': library('ppc64'),
      'app/org/sqlite/native/FreeBSD/x86_64/libsqlitejdbc.so': library('amd64', { osabi: 9 }),
    },
  ],
  [
    'libraries for Android',
    'linux/arm64',
    {
      'jni/arm64-v8a/libx.so': library('arm64'),
      'jni/x86/libx.so': library('i386'),
      'jni/armeabi-v7a/libx.so': library('armv7'),
      'jni/x86_64/libx.so': library('amd64'),
    },
  ],
  [
    'results for several platforms, side by side at the root',
    'linux/amd64',
    { 'linux_amd64/tool': program('amd64'), 'linux_arm64/tool': program('arm64') },
  ],
  [
    'plug-ins of Terraform for two platforms',
    'linux/amd64',
    { 'p/aws/5.0/linux_amd64/aws_v5': program('amd64'), 'p/aws/5.0/linux_arm64/aws_v5': program('arm64') },
  ],
  [
    'glibc in the folder of a program, with musl in the image',
    'linux/amd64',
    {
      'opt/app/lib/libc.so.6': program('amd64', { type: 3, loader: LD }),
      'lib/ld-musl-x86_64.so.1': program('amd64', { type: 3 }),
    },
  ],
  [
    'a tree with a loader of its own inside of an image without',
    'linux/amd64',
    {
      'rootfs/bin/x': program('amd64', { type: 3, loader: LD }),
      'rootfs/lib64/ld-linux-x86-64.so.2': library('amd64'),
    },
  ],
]

const WRONG: readonly (readonly [...Case, found: readonly string[]])[] = [
  [
    '32-bit RISC-V on riscv64',
    'linux/riscv64',
    { 'bin/x': program('riscv32') },
    {},
    ['/bin/x: machine linux/riscv32 (PATH)'],
  ],
  [
    'armv7 on v6, v8 on v7',
    'linux/arm/v7',
    { 'bin/x': program('armv8'), 'bin/y': program('armv7') },
    {},
    ['/bin/x: level linux/arm/v8 (PATH)'],
  ],
  [
    'a soft-float library of a hard-float program',
    'linux/arm/v6',
    { 'bin/x': program('armv6', { needed: ['l.so'] }), 'lib/l.so': library('armv5') },
    {},
    ['/lib/l.so: abi soft-float (a library of /bin/x)'],
  ],
  [
    'a soft-float library on LoongArch',
    'linux/loong64',
    { 'bin/x': program('loong64', { needed: ['l.so'] }), 'lib/l.so': library('loong64', { flags: 0x41 }) },
    {},
    ['/lib/l.so: abi soft-float (a library of /bin/x)'],
  ],
  ['x32 in PATH of amd64', 'linux/amd64', { 'bin/x': program('x32') }, {}, ['/bin/x: machine linux/x32 (PATH)']],
  ['n32 on 32-bit MIPS', 'linux/mipsle', { 'bin/x': program('n32le') }, {}, ['/bin/x: machine linux/mipsn32le (PATH)']],
  [
    'big-endian MIPS on little-endian',
    'linux/mipsle',
    { 'bin/x': program('mips') },
    {},
    ['/bin/x: machine linux/mips (PATH)'],
  ],
  ['big-endian ppc on ppc64le', 'linux/ppc64le', { 'bin/x': program('ppc') }, {}, ['/bin/x: machine linux/ppc (PATH)']],
  ['ppc64le on ppc64', 'linux/ppc64', { 'bin/x': program('ppc64le') }, {}, ['/bin/x: machine linux/ppc64le (PATH)']],
  [
    's390x on amd64, as a library',
    'linux/amd64',
    { 'usr/lib/l.so': library('s390x') },
    {},
    ['/usr/lib/l.so: machine linux/s390x (nothing)'],
  ],
  [
    'LoongArch on amd64',
    'linux/amd64',
    { app: program('loong64') },
    run('/app'),
    ['/app: machine linux/loong64 (ENTRYPOINT)'],
  ],
  [
    'an AppImage for another CPU',
    'linux/arm64',
    { app: { bytes: appImage() } },
    run('/app'),
    ['/app: machine linux/amd64 (ENTRYPOINT)'],
  ],
  [
    'a universal file of Apple',
    'linux/arm64',
    { app: { bytes: makeFat(0xcafebabe, 20) } },
    run('/app'),
    ['/app: machine darwin/amd64+arm64 (ENTRYPOINT)'],
  ],
  [
    'one with long offsets',
    'linux/arm64',
    { app: { bytes: makeFat(0xcafebabf, 32) } },
    run('/app'),
    ['/app: machine darwin/amd64+arm64 (ENTRYPOINT)'],
  ],
  [
    'a program of Windows without its ending in PATH',
    'linux/amd64',
    { 'usr/bin/tool': { bytes: makePe(34404) } },
    {},
    ['/usr/bin/tool: machine windows/amd64 (PATH)'],
  ],
  [
    'a program of Windows that is started',
    'linux/amd64',
    { 'usr/bin/tool.exe': { bytes: makePe(34404) } },
    run('tool.exe'),
    ['/usr/bin/tool.exe: machine windows/amd64 (ENTRYPOINT)'],
  ],
  [
    'a program of FreeBSD in PATH',
    'linux/amd64',
    { 'usr/bin/tool': program('amd64', { osabi: 9 }) },
    {},
    ['/usr/bin/tool: machine freebsd/amd64 (PATH)'],
  ],
  [
    'an emulator for the host that is the entry',
    'linux/arm64',
    { 'usr/bin/qemu-aarch64': program('amd64') },
    run('qemu-aarch64', '/app'),
    ['/usr/bin/qemu-aarch64: machine linux/amd64 (ENTRYPOINT)'],
  ],
  [
    'a program in the folder of its CPU, without one for the platform',
    'linux/arm64',
    { 'opt/tool/linux-x64/tool': program('amd64') },
    {},
    ['/opt/tool/linux-x64/tool: machine linux/amd64 (nothing)'],
  ],
  [
    'a wrong library in the folder of the platform, beside one of another',
    'linux/arm64',
    {
      'p/linux-arm64/a.so': library('amd64'),
      'p/linux-arm64/b.so': library('arm64'),
      'p/linux-x64/a.so': library('amd64'),
    },
    {},
    ['/p/linux-arm64/a.so: machine linux/amd64 (nothing)'],
  ],
  [
    'a program of a set that is started',
    'linux/arm64',
    { 'o/linux-x64/t': program('amd64'), 'o/linux-arm64/t': program('arm64') },
    run('/o/linux-x64/t'),
    ['/o/linux-x64/t: machine linux/amd64 (ENTRYPOINT)'],
  ],
  [
    'a native extension of Ruby for another CPU',
    'linux/arm64',
    { 'b/ruby/3.2.0/extensions/x86_64-linux/3.2.0/bcrypt/bcrypt.so': library('amd64') },
    {},
    ['/b/ruby/3.2.0/extensions/x86_64-linux/3.2.0/bcrypt/bcrypt.so: machine linux/amd64 (nothing)'],
  ],
  [
    'a module of Python for another CPU',
    'linux/arm64',
    { 'v/site-packages/x/_x.cpython-311-x86_64-linux-gnu.so': library('amd64') },
    {},
    ['/v/site-packages/x/_x.cpython-311-x86_64-linux-gnu.so: machine linux/amd64 (nothing)'],
  ],
  [
    'of a distribution for newer CPUs the C library only',
    'linux/amd64',
    {
      'usr/bin/podman': program('amd64', { isa: 2, goBuild: 'build\tGOAMD64=v2\n' }),
      'usr/lib64/libc.so.6': library('amd64', { isa: 3 }),
    },
    {},
    ['/usr/lib64/libc.so.6: level linux/amd64/v2 (nothing)'],
  ],
  [
    'an own program for newer CPUs than those of the distribution',
    'linux/amd64',
    { 'usr/bin/own': program('amd64', { isa: 4 }), 'usr/lib64/libc.so.6': library('amd64', { isa: 2 }) },
    {},
    ['/usr/bin/own: level linux/amd64/v3 (PATH)', '/usr/lib64/libc.so.6: level linux/amd64/v2 (nothing)'],
  ],
  [
    'a loader that lacks, of a program with the name of its own CPU',
    'linux/amd64',
    { 'usr/bin/tool-amd64': program('amd64', { type: 3, loader: LD }) },
    {},
    [`/usr/bin/tool-amd64: loader ${LD} (PATH)`],
  ],
  [
    'a program for the emulator of another CPU',
    'linux/amd64',
    { 'usr/bin/qemu-riscv64': program('amd64'), 'opt/app': program('arm64') },
    {},
    ['/opt/app: machine linux/arm64 (nothing)'],
  ],
]

/** The mark of an AppImage lies in the header, where ELF has nothing. */
function appImage(): Buffer {
  const bytes = makeElf({ machine: 62 })
  bytes.write('AI\u0002', 8, 'latin1')
  return bytes
}

test.each(RIGHT)('no finding: %s', (what, platform, files, config = {}) => {
  expect(findings([what, platform, files, config])).toEqual([])
})

test.each(WRONG)('found: %s', (what, platform, files, config = {}, found) => {
  expect(findings([what, platform, files, config])).toEqual(found)
})
