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
  version: string;
  /** What to take from Maven Central, as group:artifact:version. */
  artifacts: string[];
  /** Classes of ours that need it, besides those that need none. */
  classes: string[];
  jvmFlags: string[];
}

// Without it an exception's message is lost, and Dubbo 2.7 does not start.
const openLang = '--add-opens=java.base/java.lang=ALL-UNNAMED';

const sofaRpc: Library = {
  name: 'sofa-rpc',
  version: '5.13.2',
  artifacts: ['com.alipay.sofa:sofa-rpc-all:5.13.2'],
  classes: ['SofaClient', 'SofaServer', 'ProtoService', 'ProtoServiceImpl'],
  // The tracer would double every frame.
  jvmFlags: [openLang, '-Ddefault.tracer='],
};

const sofaBolt: Library = {
  name: 'sofa-bolt',
  version: '1.6.12',
  artifacts: ['com.alipay.sofa:bolt:1.6.12', 'com.alipay.sofa:hessian:3.5.5'],
  classes: ['BoltCall', 'BoltClient', 'BoltServer'],
  jvmFlags: [openLang],
};

const dubbo3: Library = {
  name: 'dubbo',
  version: '3.3.6',
  artifacts: ['org.apache.dubbo:dubbo:3.3.6'],
  classes: [
    'DubboConsumer',
    'DubboProvider',
    'Dubbo3Consumer',
    'Dubbo3Provider',
    'StreamService',
    'StreamServiceImpl',
    'TripleStreams',
  ],
  jvmFlags: [openLang],
};

const dubbo27: Library = {
  name: 'dubbo',
  version: '2.7.23',
  artifacts: ['org.apache.dubbo:dubbo:2.7.23'],
  classes: ['DubboConsumer', 'DubboProvider'],
  jvmFlags: [openLang],
};

const plainClasses = ['Caller', 'EchoService', 'EchoServiceImpl', 'Json', 'Refused', 'Styles'];

/** A Java library with our programs compiled against it. */
export interface JavaPeer {
  version: string;
  /** How to start one of our classes. */
  launch(mainClass: string, args: string[], flags?: string[]): Launch;
}

export const ensureSofaRpc = () => ensureLibrary(sofaRpc);
export const ensureSofaBolt = () => ensureLibrary(sofaBolt);
export const ensureDubbo3 = () => ensureLibrary(dubbo3);
export const ensureDubbo27 = () => ensureLibrary(dubbo27);

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
  const peer = `${library.name} ${library.version} (Java)`;
  await installOnce(
    peer,
    () => existsSync(jars),
    () => {
      const dependencies = library.artifacts.map((coordinates) => {
        const [group, artifact, version] = coordinates.split(':');
        return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;
      });
      const self = `<groupId>mesh.interop</groupId><artifactId>${library.name}-jars</artifactId><version>1</version>`;
      writeFileSync(
        join(folder, 'pom.xml'),
        `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>${self}<dependencies>${dependencies.join('')}</dependencies></project>\n`,
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
  const folder = join(
    cacheFolder('java', 'classes'),
    `${library.name}-${library.version}-${hash.digest('hex').slice(0, 16)}`,
  );
  const peer = `${library.name} ${library.version} test programs (Java)`;
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
