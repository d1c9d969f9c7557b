// Tracks operations of the engine: gives each an id, remembers its session, and returns it when the
// answer comes. At most a few per slot are ever under way.

import { assert } from '../../../base/assert.js';
import type { EngineOperation } from '../event.js';
import type { Session } from '../session.js';

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;
export type OperationRequest = WithoutId<EngineOperation>;

/** Issues an operation for a session, or for a pass (null). @returns its id. */
export type IssueOperation = (operation: OperationRequest, session: Session | null) => number;

export interface IssuedOperation {
  readonly kind: EngineOperation['kind'];
  readonly session: Session | null;
}

export class Operations {
  readonly #underWay = new Map<number, IssuedOperation>();
  readonly #run: (operation: EngineOperation) => void;
  #nextId = 1;

  /** @param run hands the operation to the engine. */
  constructor(run: (operation: EngineOperation) => void) {
    this.#run = run;
  }

  get count(): number {
    return this.#underWay.size;
  }

  readonly issue: IssueOperation = (operation, session) => {
    const id = this.#nextId++;
    this.#underWay.set(id, { kind: operation.kind, session });
    this.#run({ ...operation, id } as EngineOperation);
    return id;
  };

  /** The operation that an answer belongs to. */
  settle(id: number): IssuedOperation {
    const issued = this.#underWay.get(id);
    assert(issued !== undefined, `operation ${id} is not under way`);
    this.#underWay.delete(id);
    return issued;
  }
}
