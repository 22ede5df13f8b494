"""What callers say, in Chinese: an opening, a matter by topic, details by chance, a closing. Invented throughout; no person occurs."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridlens.samples.randomness import Random

TOPICS: dict[str, tuple[str, tuple[str, ...]]] = {
    "outage": (
        "outage_enquiry",
        (
            "家里突然停电了，整栋楼都没电，请问什么时候能恢复？",
            "我们这片又停电了，是计划停电还是故障？",
            "刚才跳闸以后一直没来电，邻居家也没有，麻烦派人看看。",
            "店里停电了，冰柜里的货要坏了，请尽快抢修。",
        ),
    ),
    "fault": (
        "fault_report",
        (
            "电表箱里有打火的声音，我有点害怕，请师傅来检查。",
            "电压很不稳，灯一闪一闪的，空调也带不动。",
            "门口的电线垂下来了，很危险，请马上处理。",
            "表后开关合不上，一推就跳。",
        ),
    ),
    "outage_complaint": (
        "complaint",
        (
            "这个月已经停了好几次电，生产全耽误了，你们必须给个说法。",
            "停电为什么不提前通知？我的损失谁来赔？",
            "每次报修都让等，等了半天没有人来，我要投诉。",
            "说好下午恢复，到晚上还没有电，太不负责任了。",
        ),
    ),
    "bill_complaint": (
        "complaint",
        (
            "电费比上个月高了这么多，肯定算错了，我要投诉抄表。",
            "我家没怎么用电，怎么会有这么多电费？电表是不是跑快了？",
            "收费不透明，分时电价也没人讲清楚，我很不满意。",
            "短信催费催得太急，态度也不好，我要投诉。",
        ),
    ),
    "service_complaint": (
        "complaint",
        (
            "在营业厅排队一个多小时，窗口只开了一个。",
            "上次的报装拖了三个星期还没有答复。",
            "客服电话一直占线，打了七八次才打通。",
        ),
    ),
    "bill_dispute": (
        "billing_dispute",
        (
            "账单上的电量和电表示数对不上，请核实一下。",
            "这期电费怎么突然涨了，麻烦帮我查查每天的用电量。",
            "力调电费这一项是怎么算的？我们觉得有问题。",
            "我怀疑电表不准，要求校验。",
        ),
    ),
    "tariff": (
        "enquiry",
        (
            "想了解一下峰谷电价，晚上几点开始便宜？",
            "阶梯电价第二档是多少度起？",
            "企业参加市场化交易要办什么手续？",
            "请问现在的代理购电价格是多少？",
        ),
    ),
    "saving": (
        "enquiry",
        ("电费占成本太高了，有没有节能改造的服务？", "想请你们做一次能效诊断，怎么收费？", "听说装储能可以削峰填谷，能介绍一下吗？"),
    ),
    "charger": (
        "enquiry",
        ("买了电动车，想在车位上装充电桩，怎么申请？", "充电桩要不要单独装电表？电价怎么算？", "小区变压器容量够不够装充电桩？"),
    ),
    "pv": ("enquiry", ("屋顶想装光伏，能不能并网？余电上网多少钱一度？", "光伏发的电自己用不完怎么结算？", "装光伏要准备哪些材料？")),
    "substitution": (
        "enquiry",
        (
            "厨房还在烧液化气，想改成全电厨房，有没有补贴？",
            "环保要求锅炉不能再烧煤了，改电锅炉要多大容量？",
            "取暖还用煤炉，想问煤改电的政策。",
            "烘干房现在烧油，改用热泵划不划算？",
        ),
    ),
    "moving": ("enquiry", ("房子卖了，怎么办理过户？", "下个月搬走，想把电费结清销户。", "租期到了要退租，最后一期电费怎么算？")),
    "closing": (
        "enquiry",
        ("工厂要停产了，基本电费能不能暂停？", "我们准备关店，销户要带什么材料？", "厂房到期不续租了，变压器怎么办停？"),
    ),
    "leaving_retail": (
        "enquiry",
        (
            "别的售电公司报价比你们低，你们能便宜吗？",
            "零售合同快到期了，想换一家售电公司，怎么操作？",
            "听同行说换了套餐省不少钱，我们也想比较一下。",
        ),
    ),
    "paying": ("enquiry", ("最近资金紧张，电费能不能分期？", "这个月电费能缓几天交吗？", "违约金能不能减免一点？")),
    "e_bill": ("enquiry", ("怎么在网上国网里看电子账单？", "想把缴费号绑定到手机上。", "发票怎么开？", "代扣怎么办理？")),
    "capacity": (
        "capacity_change",
        ("新上了一条生产线，想把变压器增容。", "最近用电量大，总跳闸，想增加容量。", "设备少了，想把合同容量减下来。"),
    ),
    "new_connection": ("new_connection", ("新房装修，需要装表接电。", "新开的店要报装，请问多久能通电？")),
    "cut_off": ("disconnection", ("系统：欠费逾期，下达停电通知。", "系统：多次催收未果，列入停电计划。")),
    "restored": ("reconnection", ("已经交清电费，请恢复送电。", "系统：费用结清，远程合闸。")),
    "praise": ("suggestion", ("建议多开几个自助缴费点。", "抢修师傅来得很快，谢谢你们。", "希望停电通知能发到微信上。")),
}
"""Topic: kind of contact (codes.SERVICE_KINDS) and ways to put the matter."""
NAMES = tuple(TOPICS)
_OPENINGS = ("你好，", "您好，我想反映一下，", "喂，你好，", "师傅你好，", "麻烦问一下，", "是供电公司吗？", "")
_DETAILS = (
    "",
    "已经两天了。",
    "我打过一次电话了。",
    "邻居也是这样。",
    "家里有老人，请快一点。",
    "昨天晚上开始的。",
    "上周也问过。",
    "我在外地，不太方便。",
)
_CLOSINGS = ("谢谢。", "麻烦尽快回复我。", "请处理一下。", "好的，再见。", "等你们消息。", "")
_ANGRY = ("再不解决我就向12398反映。", "太让人失望了。", "请给我一个明确的答复。", "我要求书面回复。")


def transcripts(r: Random, topic: np.ndarray, *key: np.ndarray) -> pa.Array:
    """One text for each topic (index in NAMES) and key."""
    kinds = [TOPICS[name] for name in NAMES]
    counts = np.array([len(ways) for _, ways in kinds])
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    matters = pa.array([way for _, ways in kinds for way in ways])
    matter = matters.take(pa.array(first[topic] + r.integer("say/matter", counts[topic], *key, topic)))
    system = np.array([ways[0].startswith("系统") for _, ways in kinds])[topic]
    complaint = np.array([kind == "complaint" for kind, _ in kinds])[topic]
    parts = [pa.array(list(choices)).take(pa.array(r.integer("say/" + name, len(choices), *key, topic))) for name, choices in _PARTS]
    closing = pc.if_else(pa.array(complaint), parts[3], parts[2])
    spoken = pc.binary_join_element_wise(parts[0], matter, parts[1], closing, "")
    return pc.if_else(pa.array(system), matter, spoken)


_PARTS = (("opening", _OPENINGS), ("detail", _DETAILS), ("closing", _CLOSINGS), ("angry", _ANGRY))
