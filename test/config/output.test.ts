import { expect, test } from 'vitest'
import { parseOutput } from '../../src/config/output.ts'

test.each([
  ['out', { type: 'local', dest: 'out' }],
  ['./a=b', { type: 'local', dest: './a=b' }],
  ['-', { type: 'tar', dest: '-' }],
  ['type=local,dest=out', { type: 'local', dest: 'out' }],
  ['TYPE=local,Dest=Out', { type: 'local', dest: 'Out' }],
  ['type=tar,dest=-', { type: 'tar', dest: '-' }],
  ['type=tar,"dest=a,b.tar"', { type: 'tar', dest: 'a,b.tar' }],
  ['type=tar,"dest=a""b"', { type: 'tar', dest: 'a"b' }],
  ['type=oci,dest=out', { type: 'oci', dest: 'out', tar: false }],
  ['type=oci,dest=out.tar', { type: 'oci', dest: 'out.tar', tar: true }],
  ['type=oci,dest=out.tar,tar=false', { type: 'oci', dest: 'out.tar', tar: false }],
  ['type=oci,dest=out,tar=1', { type: 'oci', dest: 'out', tar: true }],
  ['type=oci,dest=-', { type: 'oci', dest: '-', tar: true }],
  ['type=registry', { type: 'registry' }],
  ['type=image,push=true', { type: 'registry' }],
  ['type=image', { type: 'cacheonly' }],
  ['type=registry,push=false', { type: 'cacheonly' }],
  ['type=cacheonly', { type: 'cacheonly' }],
  ['type=docker', { type: 'load' }],
  ['type=docker,context=lab', { type: 'load', context: 'lab' }],
  ['type=docker,dest=image.tar', { type: 'docker', dest: 'image.tar' }],
])('%s', (text, output) => {
  expect(parseOutput(text, '--output')).toEqual(output)
})

test.each([
  ['', /empty/],
  ['dest=out,tar=true', /type is missing/],
  ['type=oci', /dest is missing/],
  ['type=oci,dest=', /dest is missing/],
  ['type=oci,dest=-,tar=false', /a folder cannot be written to stdout/],
  ['type=local', /dest is missing/],
  ['type=local,dest=-', /a folder cannot be written to stdout/],
  ['type=tar', /dest is missing/],
  ['type=docker,tar=false', /docker load reads only tar archives/],
  ['type=docker,dest=a.tar,context=lab', /dest= and context= contradict/],
  ['type=ocl,dest=x', /unknown type "ocl"/],
  ['type=oci,dest=x,compression=zstd', /does not support compression= yet/],
  ['type=image,name=a,push=true', /does not support name= yet/],
  ['type=oci,dset=x,dest=y', /type=oci has no "dset"/],
  ['type=oci,dest=a,dest=b', /"dest" is there twice/],
  ['type=oci,dest=a,tar=perhaps', /--output tar= "perhaps": neither/],
  ['type=oci,dest', /"dest" is not key=value/],
  ['type=oci,"dest=x', /not closed/],
  ['type=oci,"dest=x"y', /after a closing double quote/],
  ['type=oci,de"st=x', /double quote inside a field/],
])('%s is refused', (text, message) => {
  expect(() => parseOutput(text, '--output')).toThrow(message)
})
