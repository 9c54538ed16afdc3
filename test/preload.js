// Comes before tests: they find modules, and use the protobuf library, as programs do that are started from source.
import { changeLibrary } from '@sofamesh/api/late/library-changes';
import { hookModules } from '../packages/base/bin/find-modules.js';

hookModules((url, source) => changeLibrary(url, source).source);
