import type { Case } from '../support/case.ts'
import { lines } from './lines.ts'

export const VARIABLES: readonly Case[] = [
  {
    name: 'env-forms',
    dockerfile: lines(
      'FROM busybox',
      'ENV A=1 B="two words" C=three\\ words',
      "ENV D='single $A'",
      'ENV E some text  with   spaces',
      'ENV F="" G=',
      'RUN env | sort > /env',
    ),
  },
  { name: 'env-order', dockerfile: lines('FROM busybox', 'ENV Z=1', 'ENV A=2', 'ENV Z=3', 'ENV PATH=/x:$PATH') },
  { name: 'env-same-instruction', dockerfile: lines('FROM busybox', 'ENV A=old', 'ENV A=new B=$A', 'ENV C=$B') },
  { name: 'env-overrides-base', dockerfile: lines('FROM with-config', 'ENV SECOND=2 FIRST=$SECOND') },
  {
    name: 'env-quotes-in-values',
    dockerfile: lines(
      'FROM busybox',
      'ENV A="a \\"b\\" c" B=\'d "e" f\' C=a"b"c\'d\' D=\\$X E="\\$Y" F=\\\\',
      'ENV G a "b" \'c\' \\d',
    ),
  },
  { name: 'env-continued', dockerfile: lines('FROM busybox', 'ENV A=1 \\', '    B=2 \\', '  # a comment', '    C=3') },
  { name: 'env-unicode', dockerfile: lines('FROM busybox', 'ENV A=ü漢 B="😀"', 'RUN echo "$A $B" > /out') },
  {
    name: 'env-modifiers',
    dockerfile: lines(
      'FROM busybox',
      'ENV E= S=set',
      'ENV A=${U:-d} B=${U-d} C=${E:-d} D=${E-d} F=${S:+alt} G=${U:+alt} H=${E+alt} I=${E:+alt} J=${U:-${S}x}',
    ),
  },
  {
    name: 'env-patterns',
    dockerfile: lines(
      'FROM busybox',
      'ENV P=/usr/local/lib/a.tar.gz',
      'ENV A=${P#*/} B=${P##*/} C=${P%.*} D=${P%%.*} E=${P/l/L} F=${P//l/L} G=${P#no} H=${P%?z}',
    ),
  },
  { name: 'env-required', dockerfile: lines('FROM busybox', 'ENV A=${NOPE:?must be set}'), fails: true },
  { name: 'env-required-set', dockerfile: lines('FROM busybox', 'ENV S=x', 'ENV A="${S:?must be set}" B=${S?no}') },
  { name: 'env-bad-modifier', dockerfile: lines('FROM busybox', 'ENV A=${B:=c}'), fails: true },
  { name: 'env-unclosed', dockerfile: lines('FROM busybox', 'ENV A=${B'), fails: true },
  { name: 'env-no-value', dockerfile: lines('FROM busybox', 'ENV A'), fails: true },
  { name: 'env-empty-name', dockerfile: lines('FROM busybox', 'ENV =x'), fails: true },
  { name: 'env-special-parameters', dockerfile: lines('FROM busybox', 'ENV A=$1x B=$@y C=$$z D=$?w E=a$ F="$" G=$.') },
  {
    name: 'env-in-copy',
    dockerfile: lines('FROM busybox', 'ENV S=a D=/x', 'COPY $S ${D}/', 'ADD ${S} $D/add'),
    files: { a: 'a' },
  },
  {
    name: 'arg-default',
    dockerfile: lines('FROM busybox', 'ARG A=1', 'ARG B', 'ARG C=${A}2', 'RUN echo "[$A][$B][$C]" > /out'),
  },
  {
    name: 'arg-given',
    dockerfile: lines('FROM busybox', 'ARG A=1', 'ARG B', 'RUN echo "[$A][$B]" > /out'),
    args: ['--build-arg', 'A=x y', '--build-arg', 'B='],
  },
  { name: 'arg-undeclared', dockerfile: lines('FROM busybox', 'RUN echo "[$A]" > /out'), args: ['--build-arg', 'A=1'] },
  {
    name: 'arg-several',
    dockerfile: lines('FROM busybox', 'ARG A=1 B="2 3" C', 'ARG D=$A$B', 'RUN echo "$A$B$C$D" > /out'),
  },
  {
    name: 'arg-before-use',
    dockerfile: lines(
      'FROM busybox',
      'RUN echo "[$A]" > /1',
      'ARG A=1',
      'RUN echo "[$A]" > /2',
      'ARG A=2',
      'RUN echo "[$A]" > /3',
    ),
  },
  {
    name: 'arg-and-env',
    dockerfile: lines(
      'FROM busybox',
      'ARG A=arg',
      'ENV A=env',
      'RUN echo "$A" > /1',
      'ARG A=again',
      'RUN echo "$A" > /2',
      'ARG B=$A',
      'ENV B=${B:-x}',
      'RUN echo $B > /3',
    ),
  },
  {
    name: 'arg-env-before-arg',
    dockerfile: lines('FROM busybox', 'ENV A=env', 'ARG A=arg', 'LABEL l=$A', 'RUN echo "$A" > /1'),
    args: ['--build-arg', 'A=given'],
  },
  {
    name: 'arg-bare-after-env',
    dockerfile: lines('FROM busybox', 'ENV A=env B=env', 'ARG A', 'ARG B', 'RUN echo "$A $B" > /1'),
    args: ['--build-arg', 'B=given'],
  },
  {
    name: 'arg-global-after-env',
    dockerfile: lines('ARG A=global', 'FROM busybox', 'ENV A=env', 'ARG A', 'RUN echo "$A" > /1'),
  },
  {
    name: 'arg-after-env-in-child-stage',
    dockerfile: lines('FROM busybox AS a', 'ENV A=env', 'ARG A=arg', 'FROM a', 'RUN echo "$A" > /1'),
  },
  {
    name: 'arg-after-env-of-base',
    dockerfile: lines('FROM with-config', 'ARG FIRST=arg', 'USER root', 'RUN echo "$FIRST" > /1'),
  },
  {
    name: 'arg-global',
    dockerfile: lines(
      'ARG V=1',
      'ARG W=${V}0',
      'FROM busybox',
      'RUN echo "[$V]" > /1',
      'ARG V',
      'ARG W',
      'RUN echo "[$V][$W]" > /2',
    ),
  },
  { name: 'arg-global-overridden', dockerfile: lines('ARG V=1', 'FROM busybox', 'ARG V=2', 'RUN echo "$V" > /1') },
  {
    name: 'arg-global-given',
    dockerfile: lines('ARG V=1', 'FROM busybox', 'ARG V', 'RUN echo "$V" > /1'),
    args: ['--build-arg', 'V=9'],
  },
  {
    name: 'arg-in-from',
    dockerfile: lines('ARG BASE=busy', 'ARG REST=${BASE:+box}', 'FROM ${BASE}${REST} AS x', 'LABEL a=b'),
  },
  { name: 'arg-empty-from', dockerfile: lines('ARG BASE', 'FROM $BASE'), fails: true },
  {
    name: 'arg-child-stage',
    dockerfile: lines(
      'FROM busybox AS a',
      'ARG X=1',
      'FROM a',
      'RUN echo "[$X]" > /1',
      'ARG X',
      'RUN echo "[$X]" > /2',
    ),
  },
  {
    name: 'arg-separate-stage',
    dockerfile: lines(
      'FROM busybox AS a',
      'ARG X=1',
      'RUN echo "$X" > /1',
      'FROM busybox',
      'COPY --from=a /1 /',
      'RUN echo "[$X]" > /2',
    ),
  },
  {
    name: 'arg-platform',
    dockerfile: lines(
      'FROM busybox',
      'ARG TARGETPLATFORM',
      'ARG TARGETOS TARGETARCH TARGETVARIANT',
      'ARG BUILDPLATFORM BUILDOS BUILDARCH',
      'RUN echo "$TARGETPLATFORM $TARGETOS $TARGETARCH [$TARGETVARIANT] $BUILDPLATFORM $BUILDOS $BUILDARCH" > /p',
    ),
  },
  { name: 'arg-platform-undeclared', dockerfile: lines('FROM busybox', 'RUN echo "[$TARGETARCH]" > /p') },
  {
    name: 'arg-platform-default',
    dockerfile: lines('FROM busybox', 'ARG TARGETARCH=other', 'RUN echo "[$TARGETARCH]" > /p'),
  },
  {
    name: 'arg-target-stage',
    dockerfile: lines('FROM busybox AS one', 'ARG TARGETSTAGE', 'RUN echo "[$TARGETSTAGE]" > /p'),
    args: ['--target', 'one'],
  },
  {
    name: 'arg-target-stage-default',
    dockerfile: lines('FROM busybox', 'ARG TARGETSTAGE', 'RUN echo "[$TARGETSTAGE]" > /p'),
  },
  {
    name: 'arg-proxy',
    dockerfile: lines('FROM busybox', 'RUN echo "[$http_proxy][$HTTP_PROXY][$NO_PROXY]" > /p'),
    args: ['--build-arg', 'HTTP_PROXY=http://proxy.invalid', '--build-arg', 'no_proxy=a,b'],
  },
  {
    name: 'arg-proxy-declared',
    dockerfile: lines('FROM busybox', 'ARG HTTP_PROXY', 'RUN echo "[$http_proxy][$HTTP_PROXY]" > /p'),
    args: ['--build-arg', 'HTTP_PROXY=http://proxy.invalid'],
  },
  { name: 'arg-not-in-image-config', dockerfile: lines('FROM busybox', 'ARG A=1', 'ENV B=$A', 'CMD echo $A') },
  {
    name: 'arg-quotes',
    dockerfile: lines('FROM busybox', 'ARG A="x y" B=\'z "q"\' C=a\\ b', 'RUN echo "[$A][$B][$C]" > /p'),
  },
  {
    name: 'run-does-not-expand',
    dockerfile: lines(
      'FROM busybox',
      'ENV A=1',
      'RUN A=2; echo $A \\$A > /1',
      'RUN ["echo", "$A"]',
      'CMD ["echo", "$A"]',
    ),
  },
  {
    name: 'expansion-in-user-and-workdir',
    dockerfile: lines(
      'FROM busybox',
      'ENV U=node W=/w',
      'WORKDIR ${W}/$U',
      'USER ${U}',
      'RUN pwd > /tmp/p; id -u >> /tmp/p',
    ),
  },
  {
    name: 'expansion-escapes',
    dockerfile: lines('FROM busybox', 'ENV A=1', 'LABEL a=\\$A b=\'$A\' c="$A" d=\\\\$A e=${A}b f=$A-b g=\\a'),
  },
  {
    name: 'expansion-nested',
    dockerfile: lines(
      'FROM busybox',
      'ENV A=a',
      'ENV B=${X:-${Y:-${A}b}c} C=${A:+"q $A"} D=${X:-} E=${X:-$} F="${A}$A${A:-z}"',
    ),
  },
  {
    name: 'expansion-pattern-edges',
    dockerfile: lines(
      'FROM busybox',
      'ENV P=aXbXc',
      'ENV A=${P#*X} B=${P##*X} C=${P%X*} D=${P%%X*} E=${P/X/-} F=${P//X/-} I=${P#a?b} J=${P%[Xc]*}',
    ),
  },
  {
    name: 'expansion-replacement-missing',
    dockerfile: lines('FROM busybox', 'ENV P=aXb', 'ENV A=${P/X}'),
    fails: true,
  },
  {
    name: 'expansion-pattern-with-variable',
    dockerfile: lines('FROM busybox', 'ENV P=a.b.c S=.', 'ENV A=${P#*$S} B=${P%${S}*} C=${P//${S}/_} D=${P/#a/z}'),
  },
  {
    name: 'expansion-pattern-slashes',
    dockerfile: lines('FROM busybox', 'ENV P=/a/b/c', 'ENV A=${P//\\//-} B=${P#/} C=${P##*/} D=${P%/*}'),
  },
  { name: 'expansion-in-label-key', dockerfile: lines('FROM busybox', 'ARG N=name', 'LABEL $N.x=1 "${N} y"=2') },
  {
    name: 'expansion-in-onbuild',
    dockerfile: lines(
      'FROM busybox AS a',
      'ENV A=1',
      'ONBUILD ENV B=$A C=\\$A',
      'ENV A=2',
      'FROM a',
      'RUN echo $B$C > /x',
    ),
  },
  {
    name: 'expansion-in-from-modifiers',
    dockerfile: lines('ARG T=latest', 'ARG N', 'FROM ${N:-busybox}:${T} AS x', 'LABEL a=b'),
  },
  {
    name: 'expansion-in-expose-and-volume',
    dockerfile: lines('FROM busybox', 'ENV A=80 B="81 82" D=/d', 'EXPOSE $A ${A}1/udp', 'VOLUME $D ${D}2'),
  },
  {
    name: 'expansion-in-copy-sources',
    dockerfile: lines('FROM scratch', 'ARG A="a b"', 'ARG G=*.txt', 'COPY ${G} /x/', 'COPY "$A" /y/'),
    files: { '1.txt': '1', '2.txt': '2', 'a b': 'ab' },
  },
  { name: 'expansion-dollar-at-end', dockerfile: lines('FROM busybox', 'ENV A=cost$ B="5$" C=a$$b D=${A}') },
  {
    name: 'expansion-tilde-and-braces',
    dockerfile: lines('FROM busybox', 'ENV A=~/x B={a,b} C=a*b D=[x] E=`id` F=$(id)'),
  },
  {
    name: 'env-legacy-edge',
    dockerfile: lines('FROM busybox', 'ENV A b=c d=e', 'ENV B   "quoted text"  tail', 'ENV C $A-x', 'ENV D\ta'),
  },
  { name: 'env-equals-in-value', dockerfile: lines('FROM busybox', 'ENV A=b=c=d B==x C="a=b"') },
  { name: 'env-single-quotes', dockerfile: lines('FROM busybox', "ENV A='a\\b' B='it'\\''s' C='$X' D=''") },
  { name: 'env-trailing-backslash', dockerfile: lines('FROM busybox', 'ENV A=a\\\\ B=c', 'ENV C="d\\\\"') },
  { name: 'env-unbalanced-quote', dockerfile: lines('FROM busybox', 'ENV A="b'), fails: true },
  { name: 'env-newline-in-value', dockerfile: lines('FROM busybox', 'ENV A="one \\', '  two" B=3') },
  {
    name: 'arg-empty-default',
    dockerfile: lines('FROM busybox', 'ARG A=', 'ARG B=""', 'RUN echo "[$A][$B][${A:-d}][${A-d}]" > /o'),
  },
  {
    name: 'arg-default-of-itself',
    dockerfile: lines('ARG V=1', 'FROM busybox', 'ARG V=${V}2', 'RUN echo "[$V]" > /o'),
  },
  { name: 'arg-same-twice', dockerfile: lines('FROM busybox', 'ARG A=1', 'ARG A=2', 'ARG A', 'RUN echo "[$A]" > /o') },
  {
    name: 'arg-history-order',
    dockerfile: lines(
      'FROM busybox',
      'ARG Z=1',
      'ARG A=2',
      'ARG M',
      'RUN echo "$Z$A$M" > /o',
      'ARG Z=3',
      'RUN echo $Z > /p',
    ),
    args: ['--build-arg', 'M=given'],
  },
  {
    name: 'arg-with-spaces-in-history',
    dockerfile: lines('FROM busybox', 'ARG A="x  y"', 'ARG B=\'"q"\'', 'RUN echo "$A" "$B" > /o'),
  },
  { name: 'arg-name-case', dockerfile: lines('FROM busybox', 'ARG a=1', 'ARG A=2', 'RUN echo "$a$A" > /o') },
  {
    name: 'source-date-epoch-arg',
    dockerfile: lines('FROM busybox', 'ARG SOURCE_DATE_EPOCH', 'RUN echo "[$SOURCE_DATE_EPOCH]" > /p'),
  },
]
