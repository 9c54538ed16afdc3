import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { aptInstall, installOnce, runFor, which } from './install.ts';
import { cacheFolder } from './peer.ts';
import type { Launch } from './process.ts';

/** Sources of our own programs that call the Java peers' public interfaces. */
const sources = join(import.meta.dirname, '..', 'interop', 'java', 'mesh', 'interop');
const copyPlugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies';

interface Library {
  name: string;
  group: string;
  artifact: string;
  version: string;
  /** Classes of ours that need it, besides those that need none. */
  classes: string[];
  jvmFlags: string[];
}

const sofaRpc: Library = {
  name: 'sofa-rpc',
  group: 'com.alipay.sofa',
  artifact: 'sofa-rpc-all',
  version: '5.13.2',
  classes: ['SofaClient', 'SofaServer'],
  // Without the opening an exception's message is lost; the tracer would double every frame.
  jvmFlags: ['--add-opens=java.base/java.lang=ALL-UNNAMED', '-Ddefault.tracer='],
};

const dubbo: Library = {
  name: 'dubbo',
  group: 'org.apache.dubbo',
  artifact: 'dubbo',
  version: '3.3.6',
  classes: ['DubboConsumer', 'DubboProvider'],
  jvmFlags: [],
};

const plainClasses = ['Caller', 'EchoService', 'EchoServiceImpl', 'Json', 'Refused'];

/** A Java library with our programs compiled against it. */
export interface JavaPeer {
  version: string;
  /** How to start one of our classes. */
  launch(mainClass: string, args: string[], flags?: string[]): Launch;
}

export const ensureSofaRpc = () => ensureLibrary(sofaRpc);
export const ensureDubbo = () => ensureLibrary(dubbo);

async function ensureLibrary(library: Library): Promise<JavaPeer> {
  const jars = await ensureJars(library);
  const classes = await ensureClasses(library, jars);
  const logs = cacheFolder('java', 'logs');
  return {
    version: `${library.name} ${library.version}`,
    launch: (mainClass, args, flags = []) => ({
      name: `java ${mainClass}`,
      command: which('java')!,
      args: [
        '-Xmx256m',
        // Short runs on few cores: start fast rather than peak high.
        '-XX:TieredStopAtLevel=1',
        '-XX:+UseSerialGC',
        '-Xshare:auto',
        `-Duser.home=${logs}`,
        ...library.jvmFlags,
        ...flags,
        '-cp',
        `${classes}:${join(jars, '*')}`,
        `mesh.interop.${mainClass}`,
        ...args,
      ],
      cwd: logs,
    }),
  };
}

async function ensureJdk(): Promise<void> {
  const isThere = () => which('javac') !== undefined && which('mvn') !== undefined;
  await installOnce('java', isThere, () => aptInstall('java', ['default-jdk-headless', 'maven']));
}

/** The library's jars with all they need, in a folder of the cache. */
async function ensureJars(library: Library): Promise<string> {
  await ensureJdk();
  const folder = cacheFolder('java', `${library.name}-${library.version}`);
  const jars = join(folder, 'lib');
  const peer = `${library.name} (Java)`;
  await installOnce(
    peer,
    () => existsSync(jars),
    () => {
      const { group, artifact, version } = library;
      const coordinates = `<groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version>`;
      const self = `<groupId>mesh.interop</groupId><artifactId>${library.name}-jars</artifactId><version>1</version>`;
      writeFileSync(
        join(folder, 'pom.xml'),
        `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>${self}<dependencies><dependency>${coordinates}</dependency></dependencies></project>\n`,
      );
      // Copied aside and renamed, so that an install that broke off is not taken for a whole one.
      const unfinished = join(folder, 'lib.unfinished');
      rmSync(unfinished, { recursive: true, force: true });
      const options = ['-q', '-B', copyPlugin, `-DoutputDirectory=${unfinished}`, '-DincludeScope=runtime'];
      runFor(peer, 'mvn', options, { cwd: folder });
      renameSync(unfinished, jars);
    },
  );
  return jars;
}

/** Our classes, compiled against the library; the folder's name tells the sources apart. */
async function ensureClasses(library: Library, jars: string): Promise<string> {
  const files = [...plainClasses, ...library.classes].map((name) => join(sources, `${name}.java`));
  const hash = createHash('sha256').update(readdirSync(jars).join());
  for (const file of files) hash.update(readFileSync(file));
  const folder = join(cacheFolder('java', 'classes'), `${library.name}-${hash.digest('hex').slice(0, 16)}`);
  const peer = `${library.name} test programs (Java)`;
  await installOnce(
    peer,
    () => existsSync(folder),
    () => {
      const unfinished = `${folder}.unfinished`;
      rmSync(unfinished, { recursive: true, force: true });
      mkdirSync(unfinished);
      const options = ['-nowarn', '-proc:none', '-parameters', '--release', '17', '-d', unfinished];
      runFor(peer, 'javac', [...options, '-cp', join(jars, '*'), ...files]);
      renameSync(unfinished, folder);
    },
  );
  return folder;
}
