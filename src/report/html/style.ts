/** How the page looks: light and dark, from 320 px to print. */
import { figureCss, paletteCss } from '../figures/palette.ts';

/** Below this width of the window figures are drawn for a phone. */
const phone = 719;

export const pageCss = `\
${paletteCss}*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0 auto;max-width:64rem;padding:2.5rem clamp(1rem,4vw,2rem) 4rem;background:var(--paper);color:var(--ink);
font:1rem/1.55 ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;overflow-wrap:break-word}
h1{font-size:1.75rem;line-height:1.2;font-weight:650;letter-spacing:-.015em;margin:0 0 .5rem}
h2{font-size:1.15rem;line-height:1.3;font-weight:650;margin:3rem 0 .75rem;padding-top:.9rem;border-top:1px solid var(--rule)}
h3{font-size:.95rem;font-weight:650;margin:1.5rem 0 .35rem}
p,ul,dl{margin:0 0 .9rem;max-width:44rem}ul{padding-left:1.1rem}li{margin:.3rem 0}
a{color:var(--accent);text-underline-offset:.15em;text-decoration-thickness:from-font}
code{display:inline-block;max-width:100%;font:.9em/1 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
.soft,figcaption,footer{color:var(--soft)}figcaption,.note,footer{font-size:.875rem;line-height:1.5}
.lead{font-size:1.05rem}.banner{border-left:3px solid var(--ink);padding:.35rem 0 .35rem .8rem;font-weight:600}
nav ul{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;font-size:.9rem;max-width:none}nav li{margin:0}
nav a{display:inline-block;padding:.2rem 0}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:2px}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:.5rem;background:var(--paper);padding:.3rem .6rem}
.scroll{overflow-x:auto;max-width:100%;background:linear-gradient(to left,var(--paper) 35%,transparent) right/3rem 100% no-repeat local,linear-gradient(to left,var(--rule),transparent) right/.9rem 100% no-repeat scroll}
@media (min-width:70rem){.broad{max-width:none;margin-inline:calc(50% - min(50vw - 2.5rem,44rem))}}
table{border-collapse:collapse;font-size:.84rem;line-height:1.35;font-variant-numeric:tabular-nums}
th,td{padding:.38rem .7rem;text-align:right;white-space:nowrap;border-bottom:1px solid var(--rule);vertical-align:top;font-weight:400}
thead th{vertical-align:bottom;border-bottom:1px solid var(--soft);padding:0;color:var(--soft)}
th.text,td.text,tbody th{text-align:left}td.wrap{white-space:normal;min-width:15rem}
tbody th,thead th:first-child{position:sticky;left:0;background:var(--paper);z-index:1}
tbody th[scope=row]{font-weight:600}tbody .group th{position:static;font-size:.78rem;color:var(--soft);padding-top:1rem;border-bottom-color:var(--soft)}
tbody .group span{position:sticky;left:.7rem}
th button{font:inherit;color:inherit;background:none;border:0;padding:.38rem .7rem;width:100%;text-align:inherit;cursor:pointer;white-space:nowrap}
thead th.plain{padding:.38rem .7rem}th button:hover{color:var(--ink)}th button::after{content:"";display:inline-block;width:.9em;text-align:right}
th[aria-sort=ascending] button,th[aria-sort=descending] button{color:var(--ink);font-weight:600}
th[aria-sort=ascending] button::after{content:"↑"}th[aria-sort=descending] button::after{content:"↓"}
td b{font-weight:700}td .note,th .note{display:block;font-size:.95em;font-weight:400}
summary{cursor:pointer;margin:1rem 0 .6rem}
figure{margin:0 0 2.25rem}figcaption{max-width:44rem;margin-top:.5rem}figure h3{margin-bottom:.6rem}
svg{display:block;max-width:100%;height:auto;overflow:visible}svg.narrow{display:none;width:100%}
.key{display:flex;flex-wrap:wrap;gap:.3rem .4rem;margin:0 0 1rem;max-width:none}.key[hidden]{display:none}
.key button{font:inherit;font-size:.82rem;line-height:1.2;display:inline-flex;align-items:center;gap:.4rem;min-height:1.9rem;padding:.2rem .6rem;border:1px solid var(--rule);border-radius:1rem;background:none;color:var(--ink);cursor:pointer}
.key button[aria-pressed=false]{color:var(--soft);text-decoration:line-through}.key button[aria-pressed=false] svg{opacity:.25}
.key button:hover{border-color:var(--soft)}.key svg{width:22px;height:10px}
.arm.off{display:none}.faded .arm:not(.lit){opacity:.15}
dl{display:grid;grid-template-columns:minmax(7rem,max-content) 1fr;gap:.3rem 1.2rem;font-size:.9rem;max-width:none}dt{color:var(--soft)}dd{margin:0;min-width:0;overflow-wrap:anywhere}
footer{margin-top:3rem;border-top:1px solid var(--rule);padding-top:1rem}
@media (max-width:${phone}px){body{padding-top:1.5rem}h1{font-size:1.4rem}svg.wide{display:none}svg.narrow{display:block}dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}
.key button{min-height:2.25rem}}
@media (prefers-reduced-motion:no-preference){.arm{transition:opacity .12s}}
@media print{:root{--paper:#fff}body{max-width:none;padding:0;font-size:10pt}nav,.key,.skip,.files{display:none!important}svg.wide{display:block!important}svg.narrow{display:none!important}
.scroll{overflow:visible}table{font-size:6.5pt}th,td{padding:.2rem .3rem;white-space:normal}th button{padding:.2rem .3rem;white-space:normal}tbody th,thead th:first-child{position:static}td.wrap{min-width:0}tbody .group th{font-size:6.5pt;padding-top:.6rem}
figure,tr{break-inside:avoid}h2,h3{break-after:avoid}a{color:inherit;text-decoration:none}}
${figureCss}`;
