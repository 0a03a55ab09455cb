// @vitest-environment jsdom
import { act, cleanup, renderHook, type RenderHookResult } from "@testing-library/react";
import { Manager, type Socket } from "bowline-client";
import { StrictMode, useEffect, useRef } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type EmitOptions, useEmit, type UseEmit } from "./use-emit.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

interface Deferred {
  readonly promise: Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

const deferred = (): Deferred => {
  let settle: Pick<Deferred, "resolve" | "reject"> | undefined;
  const promise = new Promise((resolve, reject) => (settle = { resolve, reject }));
  return { promise, resolve: (value) => settle?.resolve(value), reject: (error) => settle?.reject(error) };
};

/** A socket whose acknowledgements the test gives, in any order. */
function answering(): { socket: Socket; answers: Deferred[] } {
  const socket = new Manager("http://localhost", { autoConnect: false }).socket("/");
  const answers: Deferred[] = [];
  vi.spyOn(socket, "emitWithAck").mockImplementation(() => {
    const answer = deferred();
    answers.push(answer);
    return answer.promise;
  });
  return { socket, answers };
}

type Hook = RenderHookResult<UseEmit<unknown[], unknown>, { socket: Socket | null }>;

const hook = (socket: Socket | null, options?: EmitOptions): Hook =>
  renderHook((props) => useEmit(props.socket, "save", options), { initialProps: { socket }, wrapper: StrictMode });

const stateOf = ({ result: { current } }: Hook): object => ({
  isPending: current.isPending,
  error: current.error,
  data: current.data,
});

const idle = { isPending: false, error: null, data: undefined };

test("is pending until the answer, and keeps the last answer while the next is pending", async () => {
  const { socket, answers } = answering();
  const view = hook(socket);
  expect(stateOf(view)).toEqual(idle);
  let answer: Promise<unknown> | undefined;
  act(() => void (answer = view.result.current.emit("a", 1)));
  expect(socket.emitWithAck).toHaveBeenCalledWith("save", "a", 1);
  expect(stateOf(view)).toEqual({ ...idle, isPending: true });
  await act(async () => answers[0]?.resolve("saved"));
  expect(stateOf(view)).toEqual({ ...idle, data: "saved" });
  await expect(answer).resolves.toBe("saved");
  act(() => void view.result.current.emit());
  expect(stateOf(view)).toEqual({ isPending: true, error: null, data: "saved" });
});

test("the latest call wins, whatever the order of the answers", async () => {
  const { socket, answers } = answering();
  const view = hook(socket);
  act(() => void view.result.current.emit(1));
  act(() => void view.result.current.emit(2));
  await act(async () => answers[1]?.resolve("second"));
  expect(stateOf(view)).toEqual({ ...idle, data: "second" });
  await act(async () => answers[0]?.reject(new Error("late")));
  expect(stateOf(view)).toEqual({ ...idle, data: "second" });
});

test("says that the time is up", async () => {
  const socket = new Manager("http://localhost", { autoConnect: false }).socket("/");
  const view = hook(socket, { timeout: 1000 });
  act(() => void view.result.current.emit());
  await act(() => vi.advanceTimersByTimeAsync(999));
  expect(view.result.current.isPending).toBe(true);
  await act(() => vi.advanceTimersByTimeAsync(1));
  expect(stateOf(view)).toEqual({ ...idle, error: new Error("operation has timed out") });
  expect(socket.sendBuffer).toEqual([]);
});

test("what may not be emitted is an error like others", async () => {
  const socket = new Manager("http://localhost", { autoConnect: false }).socket("/");
  const { result } = renderHook(() => useEmit(socket, "connect"));
  await act(async () => void result.current.emit());
  expect(result.current.error?.message).toBe('"connect" is a reserved event name');
});

test("rejects without a socket, and tells why", async () => {
  const view = hook(null);
  await act(() => expect(view.result.current.emit()).rejects.toThrow('cannot emit "save": there is no socket'));
  expect(stateOf(view)).toMatchObject({ isPending: false, error: { message: /there is no socket/ } });
});

test("a component that is gone is not updated, but the caller gets the answer", async () => {
  const { socket, answers } = answering();
  const errors = vi.spyOn(console, "error");
  let renders = 0;
  const { result, unmount } = renderHook(() => (renders++, useEmit(socket, "save")));
  let answer: Promise<unknown> | undefined;
  act(() => void (answer = result.current.emit()));
  unmount();
  const before = renders;
  answers[0]?.resolve("saved");
  await expect(answer).resolves.toBe("saved");
  expect(renders).toBe(before);
  expect(errors).not.toHaveBeenCalled();
});

test("an emit of the first effect ends, although StrictMode mounts twice", async () => {
  const { socket, answers } = answering();
  const { result } = renderHook(
    () => {
      const state = useEmit(socket, "save");
      const isSent = useRef(false);
      useEffect(() => {
        if (!isSent.current) void state.emit();
        isSent.current = true;
      }, [state]);
      return state;
    },
    { wrapper: StrictMode },
  );
  expect(result.current.isPending).toBe(true);
  await act(async () => answers[0]?.resolve("saved"));
  expect(result.current).toMatchObject({ isPending: false, data: "saved" });
});

test("another socket begins anew", async () => {
  const [one, other] = [answering(), answering()];
  const view = hook(one.socket);
  act(() => void view.result.current.emit());
  view.rerender({ socket: other.socket });
  expect(stateOf(view)).toEqual(idle);
  await act(async () => one.answers[0]?.resolve("of the other"));
  expect(stateOf(view)).toEqual(idle);
});

test("emit stays the same function", () => {
  const { socket } = answering();
  const view = hook(socket);
  const { emit } = view.result.current;
  view.rerender({ socket });
  expect(view.result.current.emit).toBe(emit);
});
