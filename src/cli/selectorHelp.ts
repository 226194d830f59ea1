/** How runs are named, for the help of every command that takes selectors. */
export const selectorHelp = `A selector is a name or a condition. A name is a folder, a study, an arm or the start of an id; where nothing is called
so, a part of a path. A condition is KEY=VALUE, or with != < <= > >=. KEY is run, id, study, arm, seed, status, top1, bestTop1,
loss, steps, epochs, trainSeconds, msPerStep, backend, code, changed … or a config value such as optimizer.lr; VALUE may be
several with commas, and * in it stands for any text. Of several names a run has to match one, of several conditions all.`;
