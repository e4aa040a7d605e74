// SPDX-License-Identifier: GPL-2.0-only
/** What docs/campaigns gives to batch engines is what they take: the Job by the rules of batch/v1, the Dockerfile by its own. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  array,
  boolean,
  check,
  type GenericSchema,
  integer,
  literal,
  minValue,
  number,
  object,
  optional,
  picklist,
  pipe,
  record,
  regex,
  safeParse,
  strictObject,
  string,
} from 'valibot';
import { describe, expect, it } from 'vitest';
import { yamlSubset } from './yaml-subset.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (name: string): string => readFileSync(`${root}docs/campaigns/${name}`, 'utf8');

/** https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/job-v1/, the members that a campaign has use for. */
const label = pipe(string(), regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/));
const least = (n: number) => pipe(number(), integer(), minValue(n));
const quantity = pipe(string(), regex(/^\d+(\.\d+)?(m|[kMGTPE]|[KMGTPE]i)?$/));
const amounts = strictObject({ cpu: optional(quantity), memory: optional(quantity) });
const container = strictObject({
  name: label,
  image: pipe(string(), regex(/^[\w.-]+(\/[\w.-]+)*(:[\w.-]+)?$/)),
  command: optional(array(string())),
  args: optional(array(string())),
  env: optional(array(strictObject({ name: pipe(string(), regex(/^[A-Za-z_]\w*$/)), value: string() }))),
  resources: optional(strictObject({ requests: optional(amounts), limits: optional(amounts) })),
  volumeMounts: optional(
    array(
      strictObject({
        name: label,
        mountPath: pipe(string(), regex(/^\/[^:]*$/)),
        readOnly: optional(boolean()),
      }),
    ),
  ),
});
const volume = pipe(
  strictObject({
    name: label,
    persistentVolumeClaim: optional(strictObject({ claimName: label })),
    configMap: optional(strictObject({ name: label })),
    emptyDir: optional(object({})),
  }),
  check(({ name: _, ...source }) => Object.keys(source).length === 1, 'a volume has one source'),
);
const pod = pipe(
  strictObject({
    // of a Job
    restartPolicy: picklist(['Never', 'OnFailure']),
    terminationGracePeriodSeconds: optional(least(0)),
    containers: array(container),
    volumes: optional(array(volume)),
  }),
  check(({ containers }) => containers.length > 0, 'a pod has a container'),
  check(({ containers, volumes = [] }) => {
    const names = volumes.map(({ name }) => name);
    return containers.every(({ volumeMounts = [] }) => volumeMounts.every(({ name }) => names.includes(name)));
  }, 'what is mounted is a volume of the pod'),
);
const job: GenericSchema = strictObject({
  apiVersion: literal('batch/v1'),
  kind: literal('Job'),
  metadata: strictObject({ name: label, labels: optional(record(string(), string())) }),
  spec: pipe(
    strictObject({
      completionMode: optional(picklist(['NonIndexed', 'Indexed'])),
      completions: optional(least(1)),
      parallelism: optional(least(0)),
      backoffLimit: optional(least(0)),
      backoffLimitPerIndex: optional(least(0)),
      maxFailedIndexes: optional(least(0)),
      activeDeadlineSeconds: optional(least(1)),
      ttlSecondsAfterFinished: optional(least(0)),
      template: strictObject({ spec: pod }),
    }),
    check((it) => it.completionMode !== 'Indexed' || it.completions !== undefined, 'Indexed says how many'),
    check(
      (it) => it.completionMode === 'Indexed' || it.backoffLimitPerIndex === undefined,
      'by index, where there is one',
    ),
    check(
      (it) => it.maxFailedIndexes === undefined || it.backoffLimitPerIndex !== undefined,
      'with backoffLimitPerIndex',
    ),
    check((it) => (it.maxFailedIndexes ?? 0) <= (it.completions ?? 0), 'no more fail than there are'),
    check(
      (it) => it.backoffLimitPerIndex === undefined || it.template.spec.restartPolicy === 'Never',
      'with backoffLimitPerIndex pods are not restarted',
    ),
  ),
});

const problems = (text: string): string[] => (safeParse(job, yamlSubset(text)).issues ?? []).map((it) => it.message);

describe('job.yaml', () => {
  it('is an Indexed Job, and says the number of its parts twice alike', () => {
    const text = read('job.yaml');
    expect(problems(text)).toEqual([]);
    const { spec } = yamlSubset(text) as { spec: Record<string, never> };
    const { completions, template } = spec as unknown as {
      completions: number;
      template: { spec: { containers: { env: { name: string; value: string }[]; args: string[] }[] } };
    };
    const [{ env, args }] = template.spec.containers;
    expect(env).toContainEqual({ name: 'KVMODEL_SHARDS', value: String(completions) });
    expect(args[0]).toContain('--corpus /corpus/shard-$JOB_COMPLETION_INDEX || [ $? -eq 1 ]');
  });

  it.each([
    ['completions: 64', 'completions: many'],
    ['  completions: 64\n', ''],
    ['restartPolicy: Never', 'restartPolicy: Always'],
    ['restartPolicy: Never', 'restartPolicy: OnFailure'],
    ['completionMode: Indexed', 'completionMode: indexed'],
    ['- name: fuzz', '- name: Fuzz_1'],
    ['mountPath: /corpus', 'mountPath: corpus'],
    ['{ name: patches, mountPath', '{ name: patch, mountPath'],
    ['value: "64"', 'value: 64'],
    ['memory: 512Mi', 'memory: 512MB'],
    ['parallelism: 16', 'paralellism: 16'],
    ['maxFailedIndexes: 64', 'maxFailedIndexes: 65'],
  ])('with %j as %j is none', (from, to) => {
    const text = read('job.yaml');
    expect(text).toContain(from);
    expect(problems(text.replace(from, to))).not.toEqual([]);
  });
});

/** https://docs.docker.com/reference/dockerfile/: instructions, stages and what is copied. */
function dockerProblems(text: string): string[] {
  const known = ['FROM', 'WORKDIR', 'COPY', 'RUN', 'USER', 'ENTRYPOINT', 'CMD', 'ENV', 'ARG', 'LABEL', 'EXPOSE'];
  const out: string[] = [];
  const stages: string[] = [];
  const lines = text
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  for (const [i, line] of lines.entries()) {
    const [, word = '', rest = ''] = /^(\S+)\s*(.*)$/.exec(line) ?? [];
    if (!known.includes(word)) out.push(`${word} is no instruction`);
    if (i === 0 && word !== 'FROM' && word !== 'ARG') out.push('begins with FROM');
    if (word === 'FROM') {
      const [, image = '', stage] = /^(\S+)(?: AS (\S+))?$/.exec(rest) ?? [];
      if (!/^[\w./-]+(:[\w.-]+|@sha256:[0-9a-f]{64})$/.test(image)) out.push(`${rest}: an image with a tag`);
      stages.push(stage ?? `${stages.length}`);
    }
    if (word === 'COPY') {
      const [, from, paths = ''] = /^(?:--from=(\S+)\s+)?(.*)$/.exec(rest) ?? [];
      if (from !== undefined && !stages.slice(0, -1).includes(from)) out.push(`${from} is no stage before`);
      if (paths.split(/\s+/).length < 2) out.push(`${rest}: from and to`);
      if (from === undefined)
        for (const path of paths.split(/\s+/).slice(0, -1)) if (!existsSync(root + path)) out.push(`no ${path}`);
    }
    if ((word === 'ENTRYPOINT' || word === 'CMD') && rest.startsWith('['))
      try {
        JSON.parse(rest);
      } catch {
        out.push(`${rest}: JSON`);
      }
  }
  const users = lines.filter((line) => line.startsWith('USER'));
  if (users.length === 0 || /USER root/.test(users.at(-1) ?? '')) out.push('does not run as root');
  return out;
}

describe('Dockerfile', () => {
  it('is one', () => {
    expect(dockerProblems(read('Dockerfile'))).toEqual([]);
  });

  it.each([
    ['FROM node', 'FORM node'],
    ['--from=build', '--from=built'],
    ['USER node', 'USER root'],
    ['ENTRYPOINT ["node",', 'ENTRYPOINT ["node"'],
    ['COPY . .', 'COPY nowhere .'],
    ['node:22-slim AS', 'node AS'],
  ])('with %j as %j is none', (from, to) => {
    expect(dockerProblems(read('Dockerfile').replace(from, to))).not.toEqual([]);
  });

  it('runs what the job runs', () => {
    const [, path] = /ENTRYPOINT \["node", "([^"]+)"\]/.exec(read('Dockerfile')) ?? [];
    expect(read('job.yaml')).toContain(`node ${path} fuzz`);
  });
});
