"""Objects as R itself wrote them (4.2.2): byte code, packages, escapes, all three encodings; packed and in base 85.

The name of a malicious file starts with the technique that it is, up to `__`. Payloads call `true` or `id`.
"""

from __future__ import annotations

import base64
import zlib

_BAD = {
    "serialised-code__of_r_closure_bc.rds": (
        "c-o8LVqjokW?*4rVqj(kG8tGyL)>&N7#LWXft<fUnh8iVGO#dkg6Ik$@f(Q$0kJ4pf`Ne-h&h0m2Z+U?VoE>^(x}D&0U$9JAZCN="
        "Wk52Nt+=wdBsCYR112kgq=KcSs5BKS{tsdr(|@QMZ0dk6Vg|dafq@V}@g8e(PGWH}nxO)z6$M49#l@NVdBvW2DXE|!_y+)L>l;G"
    ),
    "serialised-code__of_r_promise_ascii.rds": (
        "c-m!-%?iRW5QOjZE<$!|etPUh@Zw1yK-vfejbbX)w|CMCtw>1Not=EM4JxQpX9J}6Ap}^Qj=K$8qaIrrsI5?|P$^DfCrD*n!wNO4"
        "aLddgzw;1pP{>MF^c}6+|0^^}#UxRvVV<BQc<0F~4zo}KF0a%M{XG#l&nCvVE`Qeg{1WbiFyPQY=3{iVnnim(=lruS>o`81F=uAw"
        "ed^*ku|95oI5G"
    ),
    "serialised-code__of_r_promise_native.rds": (
        "c-mc1K?=e!5ZoqKR4jPVA9(fd*@NI+A0Tanf~I0B)SD02))|{>Xvk(}caohXn~4??r3NCgmKgl7->%jgIp%k~xnU_10mrBkZ49*m"
        "dm$OhUnF-ASDK3gn*|E<Jgc$xW8rrt(wa^Yb8pVN_SmS_s}3}F9sy5xo0fTDRiG2Yoag&`hxAVL@6pf5_h;~PIxqfEdOkWAK8@T|"
        "*PC$;S8zL<nTkz6HFPD9"
    ),
}
_GOOD = {
    "of_r_all.rds": (
        "c-mc0y$ZrG82pl^U<<8+i?g`ep*V<(PCkKxgCJ?CQlwQ$1;@UQ&*A%sIw|7MmzqFp;F4={z3*;j1AqaHQZP)UU`{9FZXZb#QAgCI"
        "K<pDd2r#hlr128>E8>QDz;99YYKn|!LVxr;-}8~&l}dX!TOO|YDjNLM055cK3L6yVg_hCM4`#}fND3RJS%hm6;Pyt?Rg0nmQL|xq"
        "(F|I$7NLeRWO@p>+jHq<eQ*KfMc>m=H@BqMS<g_nZn#OXPPT~COhmiCR~B#)sXIrdaa3AYrWkdq=}IZ3=2`M0hc8wYF1`"
    ),
    "of_r_all_ascii.rds": (
        "c-l=*J8!};5Z=F^!4C4BeTmbJg^`JFmXL$e3RMZM>`MLl+(i^K*uKa2@*W=CaVHTp^f5*V-cN_EwID&%efgb1h9Xfgt{>o_ePBHU"
        "oQ@tlL8-Zx)`lJL3>6jiR3MM<eEG_s)7t}XSQgbG9QPo{T|*0&JWmDGH6KE5<*59iq$geUUG0KqcUm)?H-2cEIW1|E(ue_Dg6F>P"
        "m7l!xiRI<5sV1iq?Bgo`ZyIp9&H9OYzAm*)Kd;MxF_+0EmQJrVo@F6RMQd*+O%8v!19;s^w*"
    ),
    "of_r_all_native.rds": (
        "c-nK~VrF1qU}9onU|?ltU<I;6L)>&Ngn<lxAm#vKkb>gUTt*<p$-u(E1f(<5J_5;4K>U*d0+^t(AQOs95=)9<91}ewJ)<8`RWLJn"
        "fpkG)a&}^RsufuEU!VXl6T}!sh}s5_n;4Od%}dNpEfzqs3nZBcV<i0p5?l<ZM(`upNZ^CL1k_uMOw1qyS&(c=<Wh=B;si4O0|93P"
        "#Js~RVLs<%e1~KQNR$sqC+Ft^y;BmOnO9PrT8JzQGCC=-I29zu3l#^^AlLFiT>$|q4lvijXpoxUNM?cP3IIBDE~o"
    ),
    "of_r_bytecode.rds": (
        "c-pO2?`zXQ7{26^CTrI&T{|bp9Qa`{bp=07L{Ja}zbp7nvYKLHwp|jn(=YvtMd-c_8}E|m+BdhP&4z(z*Soy;KF_^Ba{E|kjB#d}"
        "CgZmF$?OmB-<~{Y%;IA5SB$0@4Q8<|IZnl&Yi*JDdcAC!Ed=%iq|>Irslc{?mzp!y5U^6hY^^H^G0L^40yTkqShuj>fj^7v83?!n"
        "Ti}#v3rJ~4@L$*F4KkO$j^SVOwXn7i+XI1Jj2(ePa36ukfNc%uW;9N}KqOyW;boB_AB;m{n)5N#d>Cb9FEkJGB*v>hOg%T=y>=OW"
        "78;RRLS()?$$K*rZ6`02_+-sSna_ks(ML*Pl@QdTAH%r+rG#ZE!(S7jrO{a~RBUai?7SW)DNE+1wy{=n5O?rx)Q^Yb5wXvy`-u(L"
        "1&Rto|2QwHl@wM)`7x`c#VI>Y9A3WhHz&pp!Z2-wD>OB6)=bJm5!^BqR`A_F-(X`;{4feMCMyo6F$_Jb;MtnEunnX9p8eK{TK)0Y"
        "iQkVu4M%YlT<9{+{H3%eJ_t>ClUd}duT^D}3YRu>>@m=A^X1vIjLgx&b8yVja2~){ZM1Ba?1!o&y{}pY_0<7*c8#R<Nbe4HDi`18"
        "F4jD#>aA4kpM#y`j<s&Uwn(qg!c#r76|VumX5LlqTD1G;eiUgH;|0@67(|h1@aWy>b1;Pfm7ZGWd|Rc%&gPz)I|x#fT#j855U!=u"
        "AqTLu0~nd$`$<KOI`1*@rOL*=nc!VL!KRkrefT&amvc#iJIVTcwTt(AN!4yO;8Y#1u8DdC!b2RAinH@Q)J;gQ<VX!DQkkgFSk>oN"
        "8PZGjfB9V$RMB01iCDA|ixe`b4-x1Ggy(d&x|&T?0)-85@^42C74H<-(>?A6)B!bb0Mth5-yvvMNA;Nf14iBN%K"
    ),
    "of_r_bytecode_ascii.rds": (
        "c-o~_O^?$s5WUY&0d1A>j2#DYSs@{D;RI)tEm=`%X-gBJ3xA%OaXy?jyW0w-vivcA@A-K$=`9er;DV2URT*Oh51&81zmZ|#N^qXE"
        "696>|bp%J5#gkcr)oNw)&NDb&1|;wv&;e>7BCv!>-xb0k4FNOA(8-WBuGB4@)&(9SR0^eNq68=!QZaQgbr~3SzaSwiK%%JtqqP+f"
        "8evo*)b(IGi~LxB1<b^=E}R7r-0u#3$ZX#x+lNcQZ>C)uf%73r$F`3k?i|Fy+naHlN6exZ&+>X9SOPrxo-J=DEI!8y(Ei?Z>u)E3"
        "8CRVjEStX@=G_^OA9-BC<&vq7S#&s872*EpcHM1u+aWIB{Kp7!M!R6rtC5%@Rr6b!YktnNa!Flxczjns<C=%&aL{xTfH(q>kF<22"
        "=92R;G{5SHr&c}e>qFb*xC~u$>@;ZhcH_c1izixnU7fsCxmbqv?)$!8cV9N!u5EtI8Sm<(!H6hfXbLCdWNGSKuIfM!VeYYpY3r<I"
        "(;ZUz8Zt3UzP?+4U1-YBq35(FXjw>AEM0$AyHs1WilXdVOMrtZnXKia@)sl!rnQWjpo}Q+A8&_ZAffuqE2@X}L*2IX+X>Jd_lKr!"
        "CG*=4+po<rY3_~FP$DhctN<dHd~&X|b5W|Z&e+WK!P#=q#e=TC!Uw9V%QQ^*oc5>NigT|y2Fks5lh>-pRjH)Uy%v?#Vs-XZ>LvI<"
        "_(CFM4`M3y<J1$9<~XU?o;Axl1y4yfgT=(x8zxxdSaJ4T=U$!_|AUiZ@q~4y7D@KP5(4#=qryxYGeo}W0<3Av{o~~!`w#_5q;i~3"
        "EAiw}^NZB8e+B)lv7sM+<x9V-j`R-!G<n_"
    ),
    "of_r_bytecode_native.rds": (
        "c-pO2TWb?R6rQ~$>86_|O=<<H1s@7k8}O+jf}$Y!uFtZK8w}JW-CZ@+7k{w`+qYukoZWBi*>NWqap7Y!GiT2E&TS?yd`Adj+pZ9v"
        "BRu*0?VDF8j~zMxMH_Oo<hUi=e4Jfti*&l*@6+;JVo$=C2qaD=wk6u45N}Gzllc)^>q&SRY3-pzP2v{TU7W8&pUch+B^o(}!X}|Z"
        ")Fh6e-`D0%HYZ)j&`<VSSlfr}fy6GxuEZg1AHj|V*&6&7q8z7hHa4!XStUqL4=1s0&@tjVtR=>ta1AYN7T?cj=Do&qfjw@>HW;Gy"
        "rzc$7!YZG1mQZ|PI+)MBVpMZJas#fx0IeloM(N-~l@(4SG)0IDo&7B&DnsRId=~YxUtH-WKUgz3LKQvyG#;d*$=GHFxuUOh;JPA0"
        "rqJIn1*KJ{xXR6S(o$dIO&VXm3|AzE!WhNzB)&pZmtq>+7}G-$Z4wG9p6GLUzD$OgOv5;dZ0%qg%~HXxGR5GLDK28gNcY(f%_Yjk"
        "VDfPq4$^m{ahgOII*qfipcY^~fVLL8kM}iIwi-z$!x;+=moeWdBN=pLV3nca+JM8`=ufL`<uU~Wy{}po_0`3F>fjlndgO11@~VNm"
        "xrenjSoIle{W@6eXxGY`wQfPSiZ5{qoPv-1zN-k@0RQ;2NR>1=50ivf4E>H~(>O{J+2G0R@%v~t2Z;>M<Ycysxu@psVqQm(0`@re"
        "SU?;to$BEv2VBhoOC{iTxvEVZb-Tw*k1Cr6l3PmfZaKlWmf(HpIAD*nF~QyP#iPHgi(aw6*em8MyVZhH<(#jPx(8B+aEO!hgw{j7"
        "n_ejywZKSa!bc{=8s8=v(o6M!>77?p(ZA}-W6^;=1obWgeTUgOg&oyqt_BZq*x!yCD!yJJ&(Abgzz5X432+(3e}|#70XB)*Z`Jtk"
        "wE"
    ),
    "of_r_captured.rds": (
        "c-o8LVqjokW?*4rVqj(kG8tGyL)>&N7#LWXfgBbF2>1(RG688upa>_3P6P_DLL?ae05Kb~q&AQMspbQ5>_0HT05-9I3=AqLCMQ8m"
        "X8e!EWR~KR`~s*!0!ZSld8uWoMG(`_G1GqlFR>NF"
    ),
    "of_r_captured_ascii.rds": (
        "c-mczO%8%U3`Y0wDujfV=}c$oh7;%kBw>pNjpvu*W@ORi`|G<fqFJ*!Qj5D|+^$o<+d&J70kttqMq(-9xJOctN=^CeIuuE}kVaUd"
        "s(8Dbe+&~jGZL@&;~C#gXspX;*$&kCN-lf>E)XIg"
    ),
    "of_r_captured_native.rds": (
        "c-nK~VrF1qU}9onU|?ltU<I;6L)>&Nn1OsC0)xLG1walXkmdx6g6Kq67Kp?jAZBAgmDFYe5`0iW2>4)+P3#}YWEE7+Ng$K|Gh&(y"
        "a!zqcegViJ0VHvdoAXl3Qj0*Qq2vER)c`dE6|D"
    ),
    "of_r_factor.rds": (
        "c-o8LVqjokW?*4rVqj(kG8tGyL)>&NfMUEr4igYFLTDBUn}vZBNVDanmZjzt16cxKS%@fOB8-uQrk*u9C$Si&9BxQjVsc4-5s>u{"
        "05o0;N&"
    ),
    "of_r_factor_ascii.rds": (
        "c-mczOA3H63`F;H7r~?^jY~J4Ko3w$T@?f?p5G6G;$q-2!<!BctgK?7)|(jw<Iq<IZv@7jn)L!@5(h<2d&&i*=k}C@@Z$6{1Tlwl"
        "3!j%c#BEu@(%=ASUKz3"
    ),
    "of_r_factor_native.rds": (
        "c-nK~VrF1qU}9onU|?ltU<I;6L)>&Nc!8o!Kn^1Vga*lj*qjV33~WF;C$%g!r&s_g3las%Cc+p=$m&6cCg&s;gOwv2l9rfUl3(->"
        "$N~T@S_?D"
    ),
    "of_r_s4.rds": (
        "c-o8LVqjokW?*4rVqj(kG8tGyL)>&N7#Nu)8Gxcd0Y(NE22K!N0VMc94EqlZP=KO<H904-xR`-~NdQTZ*)cg8O&xndVsdt3dMc2K"
        "tddL5JtsdYF~>Ep49NQj!T@bx55o"
    ),
    "of_r_s4_ascii.rds": (
        "c-mczu@1s85JPwWOHuFAyIjT$lpkn6AVd`d5g<iE{d@uoRR+tJ{p1J-R#q`k@MZ?Vy3B(?)o}ogte`JK;#$~2Q#0xYK`yCQ2;0AO"
        "h&gwl$1CM~x^1B2?}*c-Jg=#oA8)WsKYakxM;?p"
    ),
    "of_r_s4_native.rds": (
        "c-nK~VrF1qU}9onU|?ltU<I;6L)>&NB$*i*Kw^wQ0Zs-MFkQjN01<$I5BA6kKsu9i5{rukm=J;>qaBlzk=3yS>4L=M?8Nj`0S1IH"
        "7m(I-&&f|p%yG>t`v>HKFaTjy53K"
    ),
}


def _unpack(table):
    return {name: zlib.decompress(base64.b85decode(text)) for name, text in table.items()}


def malicious():
    """Functions and promises that start programs."""
    return _unpack(_BAD)


def benign():
    """Objects of every kind."""
    return _unpack(_GOOD)
