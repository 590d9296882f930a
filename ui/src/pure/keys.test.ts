import { describe, expect, it } from "vitest";
import { type Binding, dispatch, helpLines, keyName, rowAfter } from "./keys";

const press = (
  key: string,
  modifiers: Partial<Record<"ctrlKey" | "metaKey" | "altKey" | "shiftKey", boolean>> = {},
) => keyName({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...modifiers });

describe("keys", () => {
  it("have one name on every keyboard", () => {
    expect(press("?", { shiftKey: true })).toBe("?");
    expect(press("Enter", { shiftKey: true })).toBe("shift+Enter");
    expect([press("k", { metaKey: true }), press("k", { ctrlKey: true })]).toEqual(["mod+k", "mod+k"]);
    expect(press("@", { altKey: true })).toBeNull();
    expect(press(" ")).toBe("Space");
  });

  it("the innermost binding that applies wins, and typing is left alone", () => {
    const calls: string[] = [];
    const binding = (name: string, answer: boolean, whileTyping = false): Binding => ({
      keys: ["Escape"],
      what: name,
      whileTyping,
      run: () => {
        calls.push(name);
        return answer;
      },
    });
    const all = [binding("page", true), binding("drawer", true, true), binding("menu", false)];
    expect(dispatch(all, "Escape", false)).toBe(true);
    expect(calls).toEqual(["menu", "drawer"]);
    calls.length = 0;
    expect(dispatch(all, "Escape", true)).toBe(true);
    expect(calls).toEqual(["drawer"]);
    expect(dispatch(all, "j", false)).toBe(false);
  });

  it("the help names each action once", () => {
    const run = () => {};
    const all = [
      { keys: ["j"], what: "next row", run },
      { keys: ["ArrowDown"], what: "", run },
      { keys: ["j"], what: "next row", run },
    ];
    expect(helpLines(all).map(({ what }) => what)).toEqual(["next row"]);
  });

  it("rows are gone through without leaving the table", () => {
    expect([rowAfter("j", -1, 10, 5), rowAfter("j", 9, 10, 5), rowAfter("k", 0, 10, 5)]).toEqual([0, 9, 0]);
    expect([rowAfter("PageDown", 3, 10, 5), rowAfter("End", 0, 10, 5), rowAfter("Home", 5, 10, 5)]).toEqual([
      8, 9, 0,
    ]);
    expect([rowAfter("x", 0, 10, 5), rowAfter("j", 0, 0, 5)]).toEqual([null, null]);
  });
});
