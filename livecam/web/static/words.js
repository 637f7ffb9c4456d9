// Every text of the page, in every language of the page.
export const words = {
  en: {
    other: "中文", otherLang: "zh-Hans", help: "Help", close: "Close",
    picture: "The live picture. Use the arrow keys to ask what a spot votes for.",
    strip: "The labels of the last minute", controls: "Controls",
    connecting: "Connecting", live: "Live", stale: "No new picture", lost: "Connection lost", paused: "Paused",
    waiting: "Waiting for the first picture", reconnecting: "Connection lost. Trying again",
    startCamera: "Press “Use this camera” to begin",
    explained: "The network sees", votes: "This spot votes for", minute: "Last minute", against: "and why not",
    check: "Does the map tell the truth?", hotHidden: "Hottest quarter hidden", coldHidden: "A cold one hidden",
    pause: "Pause", fullscreen: "Full screen", contrast: "Contrast", lock: "Lock class", mirror: "Mirror",
    smooth: "Steady", hud: "Words in picture", method: "Method", colormap: "Colours", heat: "Heat", detail: "Detail",
    fainter: "Fainter heat", stronger: "Stronger heat", coarser: "Less detail", finer: "More detail",
    auto: "Automatic", step: "Step", snapshot: "Snapshot", record: "Record", why: "why not?",
    next: "Next camera", all: "All cameras",
    camera: "Use this camera", cameraStop: "Stop camera",
    cameraInsecure: "A browser lends its camera only to this machine (127.0.0.1) or over https. Open the page there.",
    cameraRefused: "The browser does not give its camera; allow it in the browser’s settings.",
    cameraBusy: "Another page is sending its camera already.",
    keys: "Keys", keysHint: "The buttons do the same. Point at the picture to ask what a spot votes for.",
    explain: "explain the best … fifth class",
  },
  "zh-Hans": {
    other: "English", otherLang: "en", help: "帮助", close: "关闭",
    picture: "实时画面。用方向键查看某一点支持哪些类别。",
    strip: "最近一分钟的标签", controls: "控制",
    connecting: "连接中", live: "实时", stale: "没有新画面", lost: "连接中断", paused: "已暂停",
    waiting: "等待第一帧画面", reconnecting: "连接中断，正在重试",
    startCamera: "按“使用此摄像头”开始",
    explained: "网络看到的是", votes: "此处支持", minute: "最近一分钟", against: "而不是",
    check: "热图可信吗？", hotHidden: "遮住最热的四分之一", coldHidden: "遮住同样大的冷区",
    pause: "暂停", fullscreen: "全屏", contrast: "对比", lock: "锁定类别", mirror: "镜像",
    smooth: "平稳", hud: "画面文字", method: "方法", colormap: "配色", heat: "热度", detail: "细节",
    fainter: "热度减弱", stronger: "热度增强", coarser: "细节减少", finer: "细节增多",
    auto: "自动", step: "单步", snapshot: "快照", record: "录制", why: "为何不是？",
    next: "下一个摄像头", all: "全部摄像头",
    camera: "使用此摄像头", cameraStop: "停止摄像头",
    cameraInsecure: "浏览器只在本机（127.0.0.1）或 https 下提供摄像头，请从那里打开此页。",
    cameraRefused: "浏览器未提供摄像头，请在浏览器设置中允许。",
    cameraBusy: "另一个页面正在发送摄像头画面。",
    keys: "按键", keysHint: "按钮的作用相同。指向画面可查看某一点支持哪些类别。",
    explain: "解释第一至第五类",
  },
};

export function preferred() {
  return (navigator.language || "").toLowerCase().startsWith("zh") ? "zh-Hans" : "en";
}
