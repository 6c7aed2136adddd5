import pickle,sys,time
from pathlib import Path
from multiprocessing import get_context
from concurrent.futures import ProcessPoolExecutor
from ruler.config import load_settings
from ruler.pipeline import *
from ruler.pipeline import inducing
from ruler.progress import NoProgress
from ruler.rules.table import tabulate
S=load_settings()
def one(a):
    import cv2; cv2.setNumThreads(1)
    s,g=a
    with Watch(s,S,g) as w: return s.name,tabulate(w.observations(),(w.info.width,w.info.height))
if __name__=='__main__':
    d=Path('/tmp/dm/scene')
    tr=gather([d/'normal'])[0]; te=gather([d/'test'])[0]
    g=inducing._survey(tr,S,NoProgress()); t=time.time()
    with ProcessPoolExecutor(2,mp_context=get_context('spawn')) as ex: R=list(ex.map(one,[(s,g) for s in te+tr]))
    print('fps',sum(len(t) for _,t in R)/(time.time()-t))
    pickle.dump((dict(R[2:]),dict(R[:2])),open('/tmp/dm.pkl','wb'))
