import type { Case } from '../support/case.ts'
import { lines } from './lines.ts'

const seen = 'LABEL seen="$TARGETPLATFORM $TARGETOS $TARGETARCH $TARGETVARIANT"'
const args = ['ARG TARGETPLATFORM TARGETOS', 'ARG TARGETARCH TARGETVARIANT']

/** Nothing is run for other platforms: both builders only need their base images. */
export const PLATFORMS: readonly Case[] = [
  {
    name: 'platform-arm64',
    dockerfile: lines('FROM busybox', ...args, seen, 'COPY a /'),
    files: { a: 'a' },
    args: ['--platform', 'linux/arm64'],
  },
  { name: 'platform-arm-v7', dockerfile: lines('FROM busybox', ...args, seen), args: ['--platform', 'linux/arm/v7'] },
  {
    name: 'platform-arm-without-variant',
    dockerfile: lines('FROM busybox', ...args, seen),
    args: ['--platform', 'linux/arm'],
  },
  {
    name: 'platform-other-names',
    dockerfile: lines('FROM busybox', ...args, seen),
    args: ['--platform', 'linux/aarch64'],
  },
  { name: 'platform-scratch', dockerfile: lines('FROM scratch', ...args, seen), args: ['--platform', 'linux/s390x'] },
  {
    name: 'platform-missing-in-base',
    dockerfile: lines('FROM busybox', 'LABEL a=b'),
    args: ['--platform', 'linux/s390x'],
    fails: true,
  },
  { name: 'platform-bad', dockerfile: lines('FROM scratch', 'LABEL a=b'), args: ['--platform', 'linux/'], fails: true },
  { name: 'platform-of-from', dockerfile: lines('FROM --platform=linux/arm64 busybox', ...args, seen) },
  {
    name: 'platform-of-from-in-earlier-stage',
    dockerfile: lines('FROM --platform=linux/arm64 busybox AS a', 'FROM a', 'LABEL x=y'),
  },
  {
    name: 'platform-of-from-and-flag',
    dockerfile: lines('FROM --platform=linux/arm64 busybox', ...args, seen),
    args: ['--platform', 'linux/riscv64'],
  },
  {
    name: 'platform-of-from-in-other-stage',
    dockerfile: lines('FROM --platform=linux/arm64 busybox AS a', 'FROM scratch', 'COPY --from=a /bin/busybox /b'),
  },
  {
    name: 'platform-of-from-variable',
    dockerfile: lines(
      'ARG P=linux/riscv64',
      'FROM --platform=$P busybox AS b',
      'FROM scratch',
      'COPY --from=b /bin/busybox /b',
    ),
    args: ['--platform', 'linux/amd64'],
  },
  {
    name: 'platform-build-stage',
    dockerfile: lines(
      'FROM --platform=$BUILDPLATFORM busybox AS b',
      'ARG TARGETARCH BUILDARCH',
      'RUN echo "$TARGETARCH on $BUILDARCH" > /x',
      'FROM busybox',
      'COPY --from=b /x /x',
    ),
    args: ['--platform', 'linux/arm64'],
  },
  {
    name: 'platform-copy-from-image',
    dockerfile: lines('FROM scratch', 'COPY --from=busybox /bin/busybox /b'),
    args: ['--platform', 'linux/arm64'],
  },
  {
    name: 'platform-copy-from-image-in-build-stage',
    dockerfile: lines(
      'FROM --platform=$BUILDPLATFORM busybox AS b',
      'COPY --from=busybox /bin/busybox /other',
      'FROM scratch',
      'COPY --from=b /other /b',
    ),
    args: ['--platform', 'linux/riscv64'],
  },
  {
    name: 'platform-args-given',
    dockerfile: lines('FROM busybox', ...args, seen),
    args: ['--platform', 'linux/arm64', '--build-arg', 'TARGETARCH=mine'],
  },
  {
    name: 'platform-args-in-from',
    dockerfile: lines(
      'FROM busybox AS base-amd64',
      'LABEL of=amd64',
      'FROM busybox AS base-arm64',
      'LABEL of=arm64',
      'FROM base-${TARGETARCH}',
    ),
    args: ['--platform', 'linux/arm64'],
  },
  {
    name: 'platform-target-of-from-target',
    dockerfile: lines('FROM --platform=$TARGETPLATFORM busybox', 'COPY a /'),
    files: { a: 'a' },
    args: ['--platform', 'linux/arm64'],
  },
]
