import {
  HeaderValueOption_HeaderAppendAction as AppendAction,
  type HeaderValueOption,
} from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import type { HeaderAction, HeaderAdditionConfig, HeaderMutation, HeaderMutations } from '@sofamesh/proxy/config/route';
import { FieldError, mapAt } from './fields.ts';

interface MutationFields {
  readonly requestHeadersToAdd: readonly HeaderValueOption[];
  readonly requestHeadersToRemove: readonly string[];
  readonly responseHeadersToAdd: readonly HeaderValueOption[];
  readonly responseHeadersToRemove: readonly string[];
}

/** What a route configuration, virtual host, route or weighted cluster adds to headers and takes from them. */
export function readMutations(fields: MutationFields | undefined, path: string): HeaderMutations {
  return {
    request: readMutation(
      fields?.requestHeadersToAdd ?? [],
      fields?.requestHeadersToRemove ?? [],
      `${below(path)}request_headers`,
    ),
    response: readMutation(
      fields?.responseHeadersToAdd ?? [],
      fields?.responseHeadersToRemove ?? [],
      `${below(path)}response_headers`,
    ),
  };
}

/** A route configuration is a message of its own: its fields have no prefix. */
export function below(path: string): string {
  return path === '' ? '' : `${path}.`;
}

function readMutation(add: readonly HeaderValueOption[], remove: readonly string[], path: string): HeaderMutation {
  return { add: readAdditions(add, `${path}_to_add`), remove: mapAt(remove, `${path}_to_remove`, readRemoval) };
}

/** What frames a message or says where it goes is not a header to add and remove (Envoy refuses them, too). */
function readRemoval(name: string, path: string): string {
  if (name === '' || name.startsWith(':') || name.toLowerCase() === 'host') {
    throw new FieldError(path, name, 'cannot be removed');
  }
  return name;
}

export function readAdditions(options: readonly HeaderValueOption[], path: string): HeaderAdditionConfig[] {
  return mapAt(options, path, (option, at) => {
    const name = option.header?.key ?? '';
    if (name === '') throw new FieldError(`${at}.header.key`, '', 'must not be empty');
    if (name.startsWith(':')) throw new FieldError(`${at}.header.key`, name, 'cannot be added');
    const { value = '', rawValue = new Uint8Array() } = option.header ?? {};
    return {
      name,
      value: value === '' ? Buffer.from(rawValue).toString('latin1') : value,
      action: actionOf(option),
      ...(option.keepEmptyValue && { keepsEmpty: true }),
    };
  });
}

const actions: Readonly<Record<number, HeaderAction>> = {
  [AppendAction.APPEND_IF_EXISTS_OR_ADD]: 'append',
  [AppendAction.ADD_IF_ABSENT]: 'add-if-absent',
  [AppendAction.OVERWRITE_IF_EXISTS_OR_ADD]: 'overwrite',
  [AppendAction.OVERWRITE_IF_EXISTS]: 'overwrite-if-exists',
};

/** The older field `append` counts when it is given. */
function actionOf({ append, appendAction }: HeaderValueOption): HeaderAction {
  if (append !== undefined) return append ? 'append' : 'overwrite';
  return actions[appendAction] ?? 'append';
}
