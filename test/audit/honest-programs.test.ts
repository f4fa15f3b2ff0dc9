import { expect, test } from 'vitest'
import { appImage, data, findings, LD, library, makePe, program, run, text, type Case } from './support/odd-programs.ts'

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

test.each(RIGHT.map((one) => [one[0], one] as const))('no finding: %s', (_, one) => {
  expect(findings(one)).toEqual([])
})
