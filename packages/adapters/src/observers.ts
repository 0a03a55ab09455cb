import type { BusObserver } from "bowline/cluster";

/** Adds an observer of a bus; gives the undo. Each call adds one of its own, also with the same object. */
export function observe(observers: Set<BusObserver>, observer: BusObserver): () => void {
  const own: BusObserver = {
    onStatus: (status) => observer.onStatus(status),
    onLost: (lost) => observer.onLost(lost),
    onError: (error) => observer.onError(error),
  };
  observers.add(own);
  return () => void observers.delete(own);
}
